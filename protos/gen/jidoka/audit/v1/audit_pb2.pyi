import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Recorded(_message.Message):
    __slots__ = ("user", "role", "thumbprint", "peer", "act", "node", "arguments", "result", "bridge", "at")
    USER_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    THUMBPRINT_FIELD_NUMBER: _ClassVar[int]
    PEER_FIELD_NUMBER: _ClassVar[int]
    ACT_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    ARGUMENTS_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    BRIDGE_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    user: str
    role: str
    thumbprint: str
    peer: str
    act: str
    node: str
    arguments: str
    result: str
    bridge: str
    at: _timestamp_pb2.Timestamp
    def __init__(self, user: _Optional[str] = ..., role: _Optional[str] = ..., thumbprint: _Optional[str] = ..., peer: _Optional[str] = ..., act: _Optional[str] = ..., node: _Optional[str] = ..., arguments: _Optional[str] = ..., result: _Optional[str] = ..., bridge: _Optional[str] = ..., at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
