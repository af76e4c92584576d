import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RulesActivated(_message.Message):
    __slots__ = ("site", "version", "sha256", "rules_json", "activated_at")
    SITE_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    RULES_JSON_FIELD_NUMBER: _ClassVar[int]
    ACTIVATED_AT_FIELD_NUMBER: _ClassVar[int]
    site: str
    version: int
    sha256: str
    rules_json: str
    activated_at: _timestamp_pb2.Timestamp
    def __init__(self, site: _Optional[str] = ..., version: _Optional[int] = ..., sha256: _Optional[str] = ..., rules_json: _Optional[str] = ..., activated_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class RulesProposed(_message.Message):
    __slots__ = ("site", "version", "sha256", "rules_json", "proposed_by", "reason", "proposed_at")
    SITE_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    RULES_JSON_FIELD_NUMBER: _ClassVar[int]
    PROPOSED_BY_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    PROPOSED_AT_FIELD_NUMBER: _ClassVar[int]
    site: str
    version: int
    sha256: str
    rules_json: str
    proposed_by: str
    reason: str
    proposed_at: _timestamp_pb2.Timestamp
    def __init__(self, site: _Optional[str] = ..., version: _Optional[int] = ..., sha256: _Optional[str] = ..., rules_json: _Optional[str] = ..., proposed_by: _Optional[str] = ..., reason: _Optional[str] = ..., proposed_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class RulesApproved(_message.Message):
    __slots__ = ("site", "version", "sha256", "rules_json", "proposed_by", "approved_by", "reason", "approved_at")
    SITE_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    RULES_JSON_FIELD_NUMBER: _ClassVar[int]
    PROPOSED_BY_FIELD_NUMBER: _ClassVar[int]
    APPROVED_BY_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    APPROVED_AT_FIELD_NUMBER: _ClassVar[int]
    site: str
    version: int
    sha256: str
    rules_json: str
    proposed_by: str
    approved_by: str
    reason: str
    approved_at: _timestamp_pb2.Timestamp
    def __init__(self, site: _Optional[str] = ..., version: _Optional[int] = ..., sha256: _Optional[str] = ..., rules_json: _Optional[str] = ..., proposed_by: _Optional[str] = ..., approved_by: _Optional[str] = ..., reason: _Optional[str] = ..., approved_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
