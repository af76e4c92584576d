import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from jidoka.frame.v1 import frame_pb2 as _frame_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ContextChanged(_message.Message):
    __slots__ = ("station", "lot_id", "material", "supplier", "recipe", "tool", "job_order_id", "source", "changed_at")
    STATION_FIELD_NUMBER: _ClassVar[int]
    LOT_ID_FIELD_NUMBER: _ClassVar[int]
    MATERIAL_FIELD_NUMBER: _ClassVar[int]
    SUPPLIER_FIELD_NUMBER: _ClassVar[int]
    RECIPE_FIELD_NUMBER: _ClassVar[int]
    TOOL_FIELD_NUMBER: _ClassVar[int]
    JOB_ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    CHANGED_AT_FIELD_NUMBER: _ClassVar[int]
    station: _frame_pb2.StationPath
    lot_id: str
    material: str
    supplier: str
    recipe: str
    tool: str
    job_order_id: str
    source: str
    changed_at: _timestamp_pb2.Timestamp
    def __init__(self, station: _Optional[_Union[_frame_pb2.StationPath, _Mapping]] = ..., lot_id: _Optional[str] = ..., material: _Optional[str] = ..., supplier: _Optional[str] = ..., recipe: _Optional[str] = ..., tool: _Optional[str] = ..., job_order_id: _Optional[str] = ..., source: _Optional[str] = ..., changed_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
