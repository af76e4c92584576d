import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class StationPath(_message.Message):
    __slots__ = ("site", "line", "station")
    SITE_FIELD_NUMBER: _ClassVar[int]
    LINE_FIELD_NUMBER: _ClassVar[int]
    STATION_FIELD_NUMBER: _ClassVar[int]
    site: str
    line: str
    station: str
    def __init__(self, site: _Optional[str] = ..., line: _Optional[str] = ..., station: _Optional[str] = ...) -> None: ...

class PartRef(_message.Message):
    __slots__ = ("lot_id", "part_sequence", "product_id", "previous_lot_parts")
    LOT_ID_FIELD_NUMBER: _ClassVar[int]
    PART_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    PRODUCT_ID_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_LOT_PARTS_FIELD_NUMBER: _ClassVar[int]
    lot_id: str
    part_sequence: int
    product_id: str
    previous_lot_parts: int
    def __init__(self, lot_id: _Optional[str] = ..., part_sequence: _Optional[int] = ..., product_id: _Optional[str] = ..., previous_lot_parts: _Optional[int] = ...) -> None: ...

class Frame(_message.Message):
    __slots__ = ("inspection_id", "station", "part", "image", "captured_at", "recipe", "context", "sent_at")
    class ContextEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    INSPECTION_ID_FIELD_NUMBER: _ClassVar[int]
    STATION_FIELD_NUMBER: _ClassVar[int]
    PART_FIELD_NUMBER: _ClassVar[int]
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    CAPTURED_AT_FIELD_NUMBER: _ClassVar[int]
    RECIPE_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    SENT_AT_FIELD_NUMBER: _ClassVar[int]
    inspection_id: str
    station: StationPath
    part: PartRef
    image: bytes
    captured_at: _timestamp_pb2.Timestamp
    recipe: str
    context: _containers.ScalarMap[str, str]
    sent_at: _timestamp_pb2.Timestamp
    def __init__(self, inspection_id: _Optional[str] = ..., station: _Optional[_Union[StationPath, _Mapping]] = ..., part: _Optional[_Union[PartRef, _Mapping]] = ..., image: _Optional[bytes] = ..., captured_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., recipe: _Optional[str] = ..., context: _Optional[_Mapping[str, str]] = ..., sent_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
