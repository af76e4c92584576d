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
WORK_REQUEST_KIND_UNSPECIFIED: WorkRequestKind
WORK_REQUEST_KIND_MAINTENANCE: WorkRequestKind
WORK_REQUEST_KIND_INTERNAL_QUALITY: WorkRequestKind
WORK_REQUEST_KIND_SUPPLIER_QUALITY: WorkRequestKind

class WorkRequested(_message.Message):
    __slots__ = ("key", "episode_id", "kind", "title", "description", "priority", "equipment_id", "station", "rule_id", "defect_label", "lot_id", "first_part_sequence", "last_part_sequence", "inspection_ids", "trace_id", "requested_at")
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
    def __init__(self, key: _Optional[str] = ..., episode_id: _Optional[str] = ..., kind: _Optional[_Union[WorkRequestKind, str]] = ..., title: _Optional[str] = ..., description: _Optional[str] = ..., priority: _Optional[int] = ..., equipment_id: _Optional[str] = ..., station: _Optional[_Union[_frame_pb2.StationPath, _Mapping]] = ..., rule_id: _Optional[str] = ..., defect_label: _Optional[str] = ..., lot_id: _Optional[str] = ..., first_part_sequence: _Optional[int] = ..., last_part_sequence: _Optional[int] = ..., inspection_ids: _Optional[_Iterable[str]] = ..., trace_id: _Optional[str] = ..., requested_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

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
