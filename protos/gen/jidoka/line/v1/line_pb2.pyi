import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from jidoka.frame.v1 import frame_pb2 as _frame_pb2
from jidoka.workrequest.v1 import workrequest_pb2 as _workrequest_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PauseOutcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PAUSE_OUTCOME_UNSPECIFIED: _ClassVar[PauseOutcome]
    PAUSE_OUTCOME_CONFIRMED: _ClassVar[PauseOutcome]
    PAUSE_OUTCOME_REJECTED: _ClassVar[PauseOutcome]
    PAUSE_OUTCOME_EXPIRED: _ClassVar[PauseOutcome]
    PAUSE_OUTCOME_ACK_TIMEOUT: _ClassVar[PauseOutcome]
    PAUSE_OUTCOME_STATE_TIMEOUT: _ClassVar[PauseOutcome]
    PAUSE_OUTCOME_LINK_DOWN: _ClassVar[PauseOutcome]

class PauseState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PAUSE_STATE_UNSPECIFIED: _ClassVar[PauseState]
    PAUSE_STATE_SENT: _ClassVar[PauseState]
    PAUSE_STATE_ACKED: _ClassVar[PauseState]
    PAUSE_STATE_CONFIRMED: _ClassVar[PauseState]
    PAUSE_STATE_REJECTED: _ClassVar[PauseState]
    PAUSE_STATE_EXPIRED: _ClassVar[PauseState]
    PAUSE_STATE_ACK_TIMEOUT: _ClassVar[PauseState]
    PAUSE_STATE_STATE_TIMEOUT: _ClassVar[PauseState]
    PAUSE_STATE_LINK_DOWN: _ClassVar[PauseState]

class AlarmClass(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ALARM_CLASS_UNSPECIFIED: _ClassVar[AlarmClass]
    ALARM_CLASS_COMMS_LOSS: _ClassVar[AlarmClass]
    ALARM_CLASS_CERTIFICATE: _ClassVar[AlarmClass]
    ALARM_CLASS_CLOCK_SKEW: _ClassVar[AlarmClass]
    ALARM_CLASS_CAMERA_CLOCK: _ClassVar[AlarmClass]
    ALARM_CLASS_LATE_PARTS: _ClassVar[AlarmClass]
    ALARM_CLASS_STORE_FILLING: _ClassVar[AlarmClass]
PAUSE_OUTCOME_UNSPECIFIED: PauseOutcome
PAUSE_OUTCOME_CONFIRMED: PauseOutcome
PAUSE_OUTCOME_REJECTED: PauseOutcome
PAUSE_OUTCOME_EXPIRED: PauseOutcome
PAUSE_OUTCOME_ACK_TIMEOUT: PauseOutcome
PAUSE_OUTCOME_STATE_TIMEOUT: PauseOutcome
PAUSE_OUTCOME_LINK_DOWN: PauseOutcome
PAUSE_STATE_UNSPECIFIED: PauseState
PAUSE_STATE_SENT: PauseState
PAUSE_STATE_ACKED: PauseState
PAUSE_STATE_CONFIRMED: PauseState
PAUSE_STATE_REJECTED: PauseState
PAUSE_STATE_EXPIRED: PauseState
PAUSE_STATE_ACK_TIMEOUT: PauseState
PAUSE_STATE_STATE_TIMEOUT: PauseState
PAUSE_STATE_LINK_DOWN: PauseState
ALARM_CLASS_UNSPECIFIED: AlarmClass
ALARM_CLASS_COMMS_LOSS: AlarmClass
ALARM_CLASS_CERTIFICATE: AlarmClass
ALARM_CLASS_CLOCK_SKEW: AlarmClass
ALARM_CLASS_CAMERA_CLOCK: AlarmClass
ALARM_CLASS_LATE_PARTS: AlarmClass
ALARM_CLASS_STORE_FILLING: AlarmClass

class PauseRequested(_message.Message):
    __slots__ = ("request_id", "episode_id", "attempt", "station", "rule_id", "defect_label", "text", "lot_id", "first_part_sequence", "last_part_sequence", "requested_at", "expires_at", "statistic", "limit")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    EPISODE_ID_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    STATION_FIELD_NUMBER: _ClassVar[int]
    RULE_ID_FIELD_NUMBER: _ClassVar[int]
    DEFECT_LABEL_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    LOT_ID_FIELD_NUMBER: _ClassVar[int]
    FIRST_PART_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    LAST_PART_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    REQUESTED_AT_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    STATISTIC_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    episode_id: str
    attempt: int
    station: _frame_pb2.StationPath
    rule_id: str
    defect_label: str
    text: str
    lot_id: str
    first_part_sequence: int
    last_part_sequence: int
    requested_at: _timestamp_pb2.Timestamp
    expires_at: _timestamp_pb2.Timestamp
    statistic: float
    limit: float
    def __init__(self, request_id: _Optional[str] = ..., episode_id: _Optional[str] = ..., attempt: _Optional[int] = ..., station: _Optional[_Union[_frame_pb2.StationPath, _Mapping]] = ..., rule_id: _Optional[str] = ..., defect_label: _Optional[str] = ..., text: _Optional[str] = ..., lot_id: _Optional[str] = ..., first_part_sequence: _Optional[int] = ..., last_part_sequence: _Optional[int] = ..., requested_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., expires_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., statistic: _Optional[float] = ..., limit: _Optional[float] = ...) -> None: ...

class Warned(_message.Message):
    __slots__ = ("warning_id", "episode_id", "station", "rule_id", "defect_label", "text", "scope", "statistic", "limit", "lot_id", "first_part_sequence", "last_part_sequence", "inspection_ids", "warned_at", "causes")
    class ScopeEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    WARNING_ID_FIELD_NUMBER: _ClassVar[int]
    EPISODE_ID_FIELD_NUMBER: _ClassVar[int]
    STATION_FIELD_NUMBER: _ClassVar[int]
    RULE_ID_FIELD_NUMBER: _ClassVar[int]
    DEFECT_LABEL_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    STATISTIC_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    LOT_ID_FIELD_NUMBER: _ClassVar[int]
    FIRST_PART_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    LAST_PART_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    INSPECTION_IDS_FIELD_NUMBER: _ClassVar[int]
    WARNED_AT_FIELD_NUMBER: _ClassVar[int]
    CAUSES_FIELD_NUMBER: _ClassVar[int]
    warning_id: str
    episode_id: str
    station: _frame_pb2.StationPath
    rule_id: str
    defect_label: str
    text: str
    scope: _containers.ScalarMap[str, str]
    statistic: float
    limit: float
    lot_id: str
    first_part_sequence: int
    last_part_sequence: int
    inspection_ids: _containers.RepeatedScalarFieldContainer[str]
    warned_at: _timestamp_pb2.Timestamp
    causes: _containers.RepeatedCompositeFieldContainer[_workrequest_pb2.Cause]
    def __init__(self, warning_id: _Optional[str] = ..., episode_id: _Optional[str] = ..., station: _Optional[_Union[_frame_pb2.StationPath, _Mapping]] = ..., rule_id: _Optional[str] = ..., defect_label: _Optional[str] = ..., text: _Optional[str] = ..., scope: _Optional[_Mapping[str, str]] = ..., statistic: _Optional[float] = ..., limit: _Optional[float] = ..., lot_id: _Optional[str] = ..., first_part_sequence: _Optional[int] = ..., last_part_sequence: _Optional[int] = ..., inspection_ids: _Optional[_Iterable[str]] = ..., warned_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., causes: _Optional[_Iterable[_Union[_workrequest_pb2.Cause, _Mapping]]] = ...) -> None: ...

class ContainmentDeclared(_message.Message):
    __slots__ = ("episode_id", "revision", "station", "rule_id", "defect_label", "first_lot_id", "first_part_sequence", "last_lot_id", "last_part_sequence", "held_at")
    EPISODE_ID_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    STATION_FIELD_NUMBER: _ClassVar[int]
    RULE_ID_FIELD_NUMBER: _ClassVar[int]
    DEFECT_LABEL_FIELD_NUMBER: _ClassVar[int]
    FIRST_LOT_ID_FIELD_NUMBER: _ClassVar[int]
    FIRST_PART_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    LAST_LOT_ID_FIELD_NUMBER: _ClassVar[int]
    LAST_PART_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    HELD_AT_FIELD_NUMBER: _ClassVar[int]
    episode_id: str
    revision: int
    station: _frame_pb2.StationPath
    rule_id: str
    defect_label: str
    first_lot_id: str
    first_part_sequence: int
    last_lot_id: str
    last_part_sequence: int
    held_at: _timestamp_pb2.Timestamp
    def __init__(self, episode_id: _Optional[str] = ..., revision: _Optional[int] = ..., station: _Optional[_Union[_frame_pb2.StationPath, _Mapping]] = ..., rule_id: _Optional[str] = ..., defect_label: _Optional[str] = ..., first_lot_id: _Optional[str] = ..., first_part_sequence: _Optional[int] = ..., last_lot_id: _Optional[str] = ..., last_part_sequence: _Optional[int] = ..., held_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class IncidentClosed(_message.Message):
    __slots__ = ("site", "line", "episode_id", "closed_by", "reason", "closed_at")
    SITE_FIELD_NUMBER: _ClassVar[int]
    LINE_FIELD_NUMBER: _ClassVar[int]
    EPISODE_ID_FIELD_NUMBER: _ClassVar[int]
    CLOSED_BY_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    CLOSED_AT_FIELD_NUMBER: _ClassVar[int]
    site: str
    line: str
    episode_id: str
    closed_by: str
    reason: str
    closed_at: _timestamp_pb2.Timestamp
    def __init__(self, site: _Optional[str] = ..., line: _Optional[str] = ..., episode_id: _Optional[str] = ..., closed_by: _Optional[str] = ..., reason: _Optional[str] = ..., closed_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class StationFellSilent(_message.Message):
    __slots__ = ("station", "silent_since", "noticed_at")
    STATION_FIELD_NUMBER: _ClassVar[int]
    SILENT_SINCE_FIELD_NUMBER: _ClassVar[int]
    NOTICED_AT_FIELD_NUMBER: _ClassVar[int]
    station: _frame_pb2.StationPath
    silent_since: _timestamp_pb2.Timestamp
    noticed_at: _timestamp_pb2.Timestamp
    def __init__(self, station: _Optional[_Union[_frame_pb2.StationPath, _Mapping]] = ..., silent_since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., noticed_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class PauseSettled(_message.Message):
    __slots__ = ("request_id", "episode_id", "station", "outcome", "command_id", "attempts", "detail", "sent_at", "acknowledged_at", "held_at", "settled_at", "acknowledgement_code", "packml_state", "bridge", "asked_by")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    EPISODE_ID_FIELD_NUMBER: _ClassVar[int]
    STATION_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    COMMAND_ID_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    SENT_AT_FIELD_NUMBER: _ClassVar[int]
    ACKNOWLEDGED_AT_FIELD_NUMBER: _ClassVar[int]
    HELD_AT_FIELD_NUMBER: _ClassVar[int]
    SETTLED_AT_FIELD_NUMBER: _ClassVar[int]
    ACKNOWLEDGEMENT_CODE_FIELD_NUMBER: _ClassVar[int]
    PACKML_STATE_FIELD_NUMBER: _ClassVar[int]
    BRIDGE_FIELD_NUMBER: _ClassVar[int]
    ASKED_BY_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    episode_id: str
    station: _frame_pb2.StationPath
    outcome: PauseOutcome
    command_id: int
    attempts: int
    detail: str
    sent_at: _timestamp_pb2.Timestamp
    acknowledged_at: _timestamp_pb2.Timestamp
    held_at: _timestamp_pb2.Timestamp
    settled_at: _timestamp_pb2.Timestamp
    acknowledgement_code: int
    packml_state: int
    bridge: str
    asked_by: _frame_pb2.StationPath
    def __init__(self, request_id: _Optional[str] = ..., episode_id: _Optional[str] = ..., station: _Optional[_Union[_frame_pb2.StationPath, _Mapping]] = ..., outcome: _Optional[_Union[PauseOutcome, str]] = ..., command_id: _Optional[int] = ..., attempts: _Optional[int] = ..., detail: _Optional[str] = ..., sent_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., acknowledged_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., held_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., settled_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., acknowledgement_code: _Optional[int] = ..., packml_state: _Optional[int] = ..., bridge: _Optional[str] = ..., asked_by: _Optional[_Union[_frame_pb2.StationPath, _Mapping]] = ...) -> None: ...

class PauseProgressed(_message.Message):
    __slots__ = ("request_id", "episode_id", "station", "state", "command_id", "attempts", "detail", "bridge", "at")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    EPISODE_ID_FIELD_NUMBER: _ClassVar[int]
    STATION_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    COMMAND_ID_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    BRIDGE_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    episode_id: str
    station: _frame_pb2.StationPath
    state: PauseState
    command_id: int
    attempts: int
    detail: str
    bridge: str
    at: _timestamp_pb2.Timestamp
    def __init__(self, request_id: _Optional[str] = ..., episode_id: _Optional[str] = ..., station: _Optional[_Union[_frame_pb2.StationPath, _Mapping]] = ..., state: _Optional[_Union[PauseState, str]] = ..., command_id: _Optional[int] = ..., attempts: _Optional[int] = ..., detail: _Optional[str] = ..., bridge: _Optional[str] = ..., at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class PlcClaimed(_message.Message):
    __slots__ = ("site", "line", "epoch", "base", "lease_token", "bridge", "claimed_at")
    SITE_FIELD_NUMBER: _ClassVar[int]
    LINE_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    BASE_FIELD_NUMBER: _ClassVar[int]
    LEASE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    BRIDGE_FIELD_NUMBER: _ClassVar[int]
    CLAIMED_AT_FIELD_NUMBER: _ClassVar[int]
    site: str
    line: str
    epoch: int
    base: int
    lease_token: int
    bridge: str
    claimed_at: _timestamp_pb2.Timestamp
    def __init__(self, site: _Optional[str] = ..., line: _Optional[str] = ..., epoch: _Optional[int] = ..., base: _Optional[int] = ..., lease_token: _Optional[int] = ..., bridge: _Optional[str] = ..., claimed_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class AlarmChanged(_message.Message):
    __slots__ = ("site", "line", "alarm_class", "active", "since", "detail", "changed_at")
    SITE_FIELD_NUMBER: _ClassVar[int]
    LINE_FIELD_NUMBER: _ClassVar[int]
    ALARM_CLASS_FIELD_NUMBER: _ClassVar[int]
    ACTIVE_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    CHANGED_AT_FIELD_NUMBER: _ClassVar[int]
    site: str
    line: str
    alarm_class: AlarmClass
    active: bool
    since: _timestamp_pb2.Timestamp
    detail: str
    changed_at: _timestamp_pb2.Timestamp
    def __init__(self, site: _Optional[str] = ..., line: _Optional[str] = ..., alarm_class: _Optional[_Union[AlarmClass, str]] = ..., active: _Optional[bool] = ..., since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., detail: _Optional[str] = ..., changed_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class JobOrder(_message.Message):
    __slots__ = ("id", "state", "encoded")
    ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    ENCODED_FIELD_NUMBER: _ClassVar[int]
    id: str
    state: int
    encoded: bytes
    def __init__(self, id: _Optional[str] = ..., state: _Optional[int] = ..., encoded: _Optional[bytes] = ...) -> None: ...

class JobOrdersListed(_message.Message):
    __slots__ = ("site", "line", "orders", "bridge", "listed_at", "running_since")
    SITE_FIELD_NUMBER: _ClassVar[int]
    LINE_FIELD_NUMBER: _ClassVar[int]
    ORDERS_FIELD_NUMBER: _ClassVar[int]
    BRIDGE_FIELD_NUMBER: _ClassVar[int]
    LISTED_AT_FIELD_NUMBER: _ClassVar[int]
    RUNNING_SINCE_FIELD_NUMBER: _ClassVar[int]
    site: str
    line: str
    orders: _containers.RepeatedCompositeFieldContainer[JobOrder]
    bridge: str
    listed_at: _timestamp_pb2.Timestamp
    running_since: _timestamp_pb2.Timestamp
    def __init__(self, site: _Optional[str] = ..., line: _Optional[str] = ..., orders: _Optional[_Iterable[_Union[JobOrder, _Mapping]]] = ..., bridge: _Optional[str] = ..., listed_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., running_since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class LineResumed(_message.Message):
    __slots__ = ("station", "episode_id", "resumed_at")
    STATION_FIELD_NUMBER: _ClassVar[int]
    EPISODE_ID_FIELD_NUMBER: _ClassVar[int]
    RESUMED_AT_FIELD_NUMBER: _ClassVar[int]
    station: _frame_pb2.StationPath
    episode_id: str
    resumed_at: _timestamp_pb2.Timestamp
    def __init__(self, station: _Optional[_Union[_frame_pb2.StationPath, _Mapping]] = ..., episode_id: _Optional[str] = ..., resumed_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class LineStateChanged(_message.Message):
    __slots__ = ("station", "packml_state", "link_up", "remote_pause_enabled", "changed_at")
    STATION_FIELD_NUMBER: _ClassVar[int]
    PACKML_STATE_FIELD_NUMBER: _ClassVar[int]
    LINK_UP_FIELD_NUMBER: _ClassVar[int]
    REMOTE_PAUSE_ENABLED_FIELD_NUMBER: _ClassVar[int]
    CHANGED_AT_FIELD_NUMBER: _ClassVar[int]
    station: _frame_pb2.StationPath
    packml_state: int
    link_up: bool
    remote_pause_enabled: bool
    changed_at: _timestamp_pb2.Timestamp
    def __init__(self, station: _Optional[_Union[_frame_pb2.StationPath, _Mapping]] = ..., packml_state: _Optional[int] = ..., link_up: _Optional[bool] = ..., remote_pause_enabled: _Optional[bool] = ..., changed_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
