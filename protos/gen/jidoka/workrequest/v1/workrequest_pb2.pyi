import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from jidoka.frame.v1 import frame_pb2 as _frame_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class WorkRequestKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    WORK_REQUEST_KIND_UNSPECIFIED: _ClassVar[WorkRequestKind]
    WORK_REQUEST_KIND_MAINTENANCE: _ClassVar[WorkRequestKind]
    WORK_REQUEST_KIND_INTERNAL_QUALITY: _ClassVar[WorkRequestKind]
    WORK_REQUEST_KIND_SUPPLIER_QUALITY: _ClassVar[WorkRequestKind]

class OrderStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ORDER_STATUS_UNSPECIFIED: _ClassVar[OrderStatus]
    ORDER_STATUS_OPEN: _ClassVar[OrderStatus]
    ORDER_STATUS_IN_PROGRESS: _ClassVar[OrderStatus]
    ORDER_STATUS_COMPLETED: _ClassVar[OrderStatus]
    ORDER_STATUS_CANCELLED: _ClassVar[OrderStatus]
WORK_REQUEST_KIND_UNSPECIFIED: WorkRequestKind
WORK_REQUEST_KIND_MAINTENANCE: WorkRequestKind
WORK_REQUEST_KIND_INTERNAL_QUALITY: WorkRequestKind
WORK_REQUEST_KIND_SUPPLIER_QUALITY: WorkRequestKind
ORDER_STATUS_UNSPECIFIED: OrderStatus
ORDER_STATUS_OPEN: OrderStatus
ORDER_STATUS_IN_PROGRESS: OrderStatus
ORDER_STATUS_COMPLETED: OrderStatus
ORDER_STATUS_CANCELLED: OrderStatus

class WorkRequested(_message.Message):
    __slots__ = ("key", "episode_id", "kind", "title", "description", "priority", "equipment_id", "station", "rule_id", "defect_label", "lot_id", "first_part_sequence", "last_part_sequence", "inspection_ids", "trace_id", "requested_at", "statistic", "limit", "scope", "causes", "due_at")
    class ScopeEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    KEY_FIELD_NUMBER: _ClassVar[int]
    EPISODE_ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    EQUIPMENT_ID_FIELD_NUMBER: _ClassVar[int]
    STATION_FIELD_NUMBER: _ClassVar[int]
    RULE_ID_FIELD_NUMBER: _ClassVar[int]
    DEFECT_LABEL_FIELD_NUMBER: _ClassVar[int]
    LOT_ID_FIELD_NUMBER: _ClassVar[int]
    FIRST_PART_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    LAST_PART_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    INSPECTION_IDS_FIELD_NUMBER: _ClassVar[int]
    TRACE_ID_FIELD_NUMBER: _ClassVar[int]
    REQUESTED_AT_FIELD_NUMBER: _ClassVar[int]
    STATISTIC_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    CAUSES_FIELD_NUMBER: _ClassVar[int]
    DUE_AT_FIELD_NUMBER: _ClassVar[int]
    key: str
    episode_id: str
    kind: WorkRequestKind
    title: str
    description: str
    priority: int
    equipment_id: str
    station: _frame_pb2.StationPath
    rule_id: str
    defect_label: str
    lot_id: str
    first_part_sequence: int
    last_part_sequence: int
    inspection_ids: _containers.RepeatedScalarFieldContainer[str]
    trace_id: str
    requested_at: _timestamp_pb2.Timestamp
    statistic: float
    limit: float
    scope: _containers.ScalarMap[str, str]
    causes: _containers.RepeatedCompositeFieldContainer[Cause]
    due_at: _timestamp_pb2.Timestamp
    def __init__(self, key: _Optional[str] = ..., episode_id: _Optional[str] = ..., kind: _Optional[_Union[WorkRequestKind, str]] = ..., title: _Optional[str] = ..., description: _Optional[str] = ..., priority: _Optional[int] = ..., equipment_id: _Optional[str] = ..., station: _Optional[_Union[_frame_pb2.StationPath, _Mapping]] = ..., rule_id: _Optional[str] = ..., defect_label: _Optional[str] = ..., lot_id: _Optional[str] = ..., first_part_sequence: _Optional[int] = ..., last_part_sequence: _Optional[int] = ..., inspection_ids: _Optional[_Iterable[str]] = ..., trace_id: _Optional[str] = ..., requested_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., statistic: _Optional[float] = ..., limit: _Optional[float] = ..., scope: _Optional[_Mapping[str, str]] = ..., causes: _Optional[_Iterable[_Union[Cause, _Mapping]]] = ..., due_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Cause(_message.Message):
    __slots__ = ("kind", "value", "confidence", "evidence")
    KIND_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    kind: str
    value: str
    confidence: float
    evidence: str
    def __init__(self, kind: _Optional[str] = ..., value: _Optional[str] = ..., confidence: _Optional[float] = ..., evidence: _Optional[str] = ...) -> None: ...

class WorkRequestUpdated(_message.Message):
    __slots__ = ("key", "episode_id", "station", "rule_id", "defect_label", "signals", "statistic", "limit", "lot_id", "last_part_sequence", "text", "updated_at")
    KEY_FIELD_NUMBER: _ClassVar[int]
    EPISODE_ID_FIELD_NUMBER: _ClassVar[int]
    STATION_FIELD_NUMBER: _ClassVar[int]
    RULE_ID_FIELD_NUMBER: _ClassVar[int]
    DEFECT_LABEL_FIELD_NUMBER: _ClassVar[int]
    SIGNALS_FIELD_NUMBER: _ClassVar[int]
    STATISTIC_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    LOT_ID_FIELD_NUMBER: _ClassVar[int]
    LAST_PART_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    UPDATED_AT_FIELD_NUMBER: _ClassVar[int]
    key: str
    episode_id: str
    station: _frame_pb2.StationPath
    rule_id: str
    defect_label: str
    signals: int
    statistic: float
    limit: float
    lot_id: str
    last_part_sequence: int
    text: str
    updated_at: _timestamp_pb2.Timestamp
    def __init__(self, key: _Optional[str] = ..., episode_id: _Optional[str] = ..., station: _Optional[_Union[_frame_pb2.StationPath, _Mapping]] = ..., rule_id: _Optional[str] = ..., defect_label: _Optional[str] = ..., signals: _Optional[int] = ..., statistic: _Optional[float] = ..., limit: _Optional[float] = ..., lot_id: _Optional[str] = ..., last_part_sequence: _Optional[int] = ..., text: _Optional[str] = ..., updated_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class WorkRequestCompleted(_message.Message):
    __slots__ = ("key", "episode_id", "station", "system", "external_id", "completed_at", "remark")
    KEY_FIELD_NUMBER: _ClassVar[int]
    EPISODE_ID_FIELD_NUMBER: _ClassVar[int]
    STATION_FIELD_NUMBER: _ClassVar[int]
    SYSTEM_FIELD_NUMBER: _ClassVar[int]
    EXTERNAL_ID_FIELD_NUMBER: _ClassVar[int]
    COMPLETED_AT_FIELD_NUMBER: _ClassVar[int]
    REMARK_FIELD_NUMBER: _ClassVar[int]
    key: str
    episode_id: str
    station: _frame_pb2.StationPath
    system: str
    external_id: str
    completed_at: _timestamp_pb2.Timestamp
    remark: str
    def __init__(self, key: _Optional[str] = ..., episode_id: _Optional[str] = ..., station: _Optional[_Union[_frame_pb2.StationPath, _Mapping]] = ..., system: _Optional[str] = ..., external_id: _Optional[str] = ..., completed_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., remark: _Optional[str] = ...) -> None: ...

class WorkRequestCancelled(_message.Message):
    __slots__ = ("key", "episode_id", "station", "system", "external_id", "deleted", "remark", "cancelled_at")
    KEY_FIELD_NUMBER: _ClassVar[int]
    EPISODE_ID_FIELD_NUMBER: _ClassVar[int]
    STATION_FIELD_NUMBER: _ClassVar[int]
    SYSTEM_FIELD_NUMBER: _ClassVar[int]
    EXTERNAL_ID_FIELD_NUMBER: _ClassVar[int]
    DELETED_FIELD_NUMBER: _ClassVar[int]
    REMARK_FIELD_NUMBER: _ClassVar[int]
    CANCELLED_AT_FIELD_NUMBER: _ClassVar[int]
    key: str
    episode_id: str
    station: _frame_pb2.StationPath
    system: str
    external_id: str
    deleted: bool
    remark: str
    cancelled_at: _timestamp_pb2.Timestamp
    def __init__(self, key: _Optional[str] = ..., episode_id: _Optional[str] = ..., station: _Optional[_Union[_frame_pb2.StationPath, _Mapping]] = ..., system: _Optional[str] = ..., external_id: _Optional[str] = ..., deleted: _Optional[bool] = ..., remark: _Optional[str] = ..., cancelled_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class WorkRequestReported(_message.Message):
    __slots__ = ("key", "system", "status", "remark", "reported_at")
    KEY_FIELD_NUMBER: _ClassVar[int]
    SYSTEM_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    REMARK_FIELD_NUMBER: _ClassVar[int]
    REPORTED_AT_FIELD_NUMBER: _ClassVar[int]
    key: str
    system: str
    status: OrderStatus
    remark: str
    reported_at: _timestamp_pb2.Timestamp
    def __init__(self, key: _Optional[str] = ..., system: _Optional[str] = ..., status: _Optional[_Union[OrderStatus, str]] = ..., remark: _Optional[str] = ..., reported_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class WorkRequestRequeued(_message.Message):
    __slots__ = ("key", "requeued_by", "requeued_at")
    KEY_FIELD_NUMBER: _ClassVar[int]
    REQUEUED_BY_FIELD_NUMBER: _ClassVar[int]
    REQUEUED_AT_FIELD_NUMBER: _ClassVar[int]
    key: str
    requeued_by: str
    requeued_at: _timestamp_pb2.Timestamp
    def __init__(self, key: _Optional[str] = ..., requeued_by: _Optional[str] = ..., requeued_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class WorkRequestOpened(_message.Message):
    __slots__ = ("key", "episode_id", "station", "system", "external_id", "opened_at")
    KEY_FIELD_NUMBER: _ClassVar[int]
    EPISODE_ID_FIELD_NUMBER: _ClassVar[int]
    STATION_FIELD_NUMBER: _ClassVar[int]
    SYSTEM_FIELD_NUMBER: _ClassVar[int]
    EXTERNAL_ID_FIELD_NUMBER: _ClassVar[int]
    OPENED_AT_FIELD_NUMBER: _ClassVar[int]
    key: str
    episode_id: str
    station: _frame_pb2.StationPath
    system: str
    external_id: str
    opened_at: _timestamp_pb2.Timestamp
    def __init__(self, key: _Optional[str] = ..., episode_id: _Optional[str] = ..., station: _Optional[_Union[_frame_pb2.StationPath, _Mapping]] = ..., system: _Optional[str] = ..., external_id: _Optional[str] = ..., opened_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class WorkRequestDeadLettered(_message.Message):
    __slots__ = ("key", "station", "system", "reason", "dead_lettered_at")
    KEY_FIELD_NUMBER: _ClassVar[int]
    STATION_FIELD_NUMBER: _ClassVar[int]
    SYSTEM_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    DEAD_LETTERED_AT_FIELD_NUMBER: _ClassVar[int]
    key: str
    station: _frame_pb2.StationPath
    system: str
    reason: str
    dead_lettered_at: _timestamp_pb2.Timestamp
    def __init__(self, key: _Optional[str] = ..., station: _Optional[_Union[_frame_pb2.StationPath, _Mapping]] = ..., system: _Optional[str] = ..., reason: _Optional[str] = ..., dead_lettered_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
