import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from jidoka.frame.v1 import frame_pb2 as _frame_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Channel(_message.Message):
    __slots__ = ("name", "unit", "samples")
    NAME_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    name: str
    unit: str
    samples: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, name: _Optional[str] = ..., unit: _Optional[str] = ..., samples: _Optional[_Iterable[float]] = ...) -> None: ...

class Window(_message.Message):
    __slots__ = ("window_id", "station", "tool", "part", "sequence", "channels", "recorded_at")
    WINDOW_ID_FIELD_NUMBER: _ClassVar[int]
    STATION_FIELD_NUMBER: _ClassVar[int]
    TOOL_FIELD_NUMBER: _ClassVar[int]
    PART_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    CHANNELS_FIELD_NUMBER: _ClassVar[int]
    RECORDED_AT_FIELD_NUMBER: _ClassVar[int]
    window_id: str
    station: _frame_pb2.StationPath
    tool: str
    part: _frame_pb2.PartRef
    sequence: int
    channels: _containers.RepeatedCompositeFieldContainer[Channel]
    recorded_at: _timestamp_pb2.Timestamp
    def __init__(self, window_id: _Optional[str] = ..., station: _Optional[_Union[_frame_pb2.StationPath, _Mapping]] = ..., tool: _Optional[str] = ..., part: _Optional[_Union[_frame_pb2.PartRef, _Mapping]] = ..., sequence: _Optional[int] = ..., channels: _Optional[_Iterable[_Union[Channel, _Mapping]]] = ..., recorded_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Measurement(_message.Message):
    __slots__ = ("measurement_id", "station", "tool", "part", "sequence", "name", "value", "unit", "sensor", "source_sha256", "recorded_at", "computed_at", "trace_id")
    MEASUREMENT_ID_FIELD_NUMBER: _ClassVar[int]
    STATION_FIELD_NUMBER: _ClassVar[int]
    TOOL_FIELD_NUMBER: _ClassVar[int]
    PART_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    SENSOR_FIELD_NUMBER: _ClassVar[int]
    SOURCE_SHA256_FIELD_NUMBER: _ClassVar[int]
    RECORDED_AT_FIELD_NUMBER: _ClassVar[int]
    COMPUTED_AT_FIELD_NUMBER: _ClassVar[int]
    TRACE_ID_FIELD_NUMBER: _ClassVar[int]
    measurement_id: str
    station: _frame_pb2.StationPath
    tool: str
    part: _frame_pb2.PartRef
    sequence: int
    name: str
    value: float
    unit: str
    sensor: str
    source_sha256: str
    recorded_at: _timestamp_pb2.Timestamp
    computed_at: _timestamp_pb2.Timestamp
    trace_id: str
    def __init__(self, measurement_id: _Optional[str] = ..., station: _Optional[_Union[_frame_pb2.StationPath, _Mapping]] = ..., tool: _Optional[str] = ..., part: _Optional[_Union[_frame_pb2.PartRef, _Mapping]] = ..., sequence: _Optional[int] = ..., name: _Optional[str] = ..., value: _Optional[float] = ..., unit: _Optional[str] = ..., sensor: _Optional[str] = ..., source_sha256: _Optional[str] = ..., recorded_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., computed_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., trace_id: _Optional[str] = ...) -> None: ...
