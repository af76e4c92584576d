import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from jidoka.frame.v1 import frame_pb2 as _frame_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Candidate(_message.Message):
    __slots__ = ("label", "x1_px", "y1_px", "x2_px", "y2_px", "score")
    LABEL_FIELD_NUMBER: _ClassVar[int]
    X1_PX_FIELD_NUMBER: _ClassVar[int]
    Y1_PX_FIELD_NUMBER: _ClassVar[int]
    X2_PX_FIELD_NUMBER: _ClassVar[int]
    Y2_PX_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    label: str
    x1_px: float
    y1_px: float
    x2_px: float
    y2_px: float
    score: float
    def __init__(self, label: _Optional[str] = ..., x1_px: _Optional[float] = ..., y1_px: _Optional[float] = ..., x2_px: _Optional[float] = ..., y2_px: _Optional[float] = ..., score: _Optional[float] = ...) -> None: ...

class QualityFinding(_message.Message):
    __slots__ = ("code", "measured", "limit")
    CODE_FIELD_NUMBER: _ClassVar[int]
    MEASURED_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    code: str
    measured: float
    limit: float
    def __init__(self, code: _Optional[str] = ..., measured: _Optional[float] = ..., limit: _Optional[float] = ...) -> None: ...

class Provenance(_message.Message):
    __slots__ = ("image_sha256", "golden_sha256", "model_name", "model_version", "model_digest", "preprocessing_digest")
    IMAGE_SHA256_FIELD_NUMBER: _ClassVar[int]
    GOLDEN_SHA256_FIELD_NUMBER: _ClassVar[int]
    MODEL_NAME_FIELD_NUMBER: _ClassVar[int]
    MODEL_VERSION_FIELD_NUMBER: _ClassVar[int]
    MODEL_DIGEST_FIELD_NUMBER: _ClassVar[int]
    PREPROCESSING_DIGEST_FIELD_NUMBER: _ClassVar[int]
    image_sha256: str
    golden_sha256: str
    model_name: str
    model_version: str
    model_digest: str
    preprocessing_digest: str
    def __init__(self, image_sha256: _Optional[str] = ..., golden_sha256: _Optional[str] = ..., model_name: _Optional[str] = ..., model_version: _Optional[str] = ..., model_digest: _Optional[str] = ..., preprocessing_digest: _Optional[str] = ...) -> None: ...

class Offset(_message.Message):
    __slots__ = ("x_px", "y_px")
    X_PX_FIELD_NUMBER: _ClassVar[int]
    Y_PX_FIELD_NUMBER: _ClassVar[int]
    x_px: int
    y_px: int
    def __init__(self, x_px: _Optional[int] = ..., y_px: _Optional[int] = ...) -> None: ...

class StageTiming(_message.Message):
    __slots__ = ("stage", "duration_ms")
    STAGE_FIELD_NUMBER: _ClassVar[int]
    DURATION_MS_FIELD_NUMBER: _ClassVar[int]
    stage: str
    duration_ms: float
    def __init__(self, stage: _Optional[str] = ..., duration_ms: _Optional[float] = ...) -> None: ...

class Inspection(_message.Message):
    __slots__ = ("inspection_id", "station", "part", "recipe", "candidates", "quality_findings", "provenance", "captured_at", "timings", "context", "offset", "taken_at", "late")
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
    RECIPE_FIELD_NUMBER: _ClassVar[int]
    CANDIDATES_FIELD_NUMBER: _ClassVar[int]
    QUALITY_FINDINGS_FIELD_NUMBER: _ClassVar[int]
    PROVENANCE_FIELD_NUMBER: _ClassVar[int]
    CAPTURED_AT_FIELD_NUMBER: _ClassVar[int]
    TIMINGS_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    TAKEN_AT_FIELD_NUMBER: _ClassVar[int]
    LATE_FIELD_NUMBER: _ClassVar[int]
    inspection_id: str
    station: _frame_pb2.StationPath
    part: _frame_pb2.PartRef
    recipe: str
    candidates: _containers.RepeatedCompositeFieldContainer[Candidate]
    quality_findings: _containers.RepeatedCompositeFieldContainer[QualityFinding]
    provenance: Provenance
    captured_at: _timestamp_pb2.Timestamp
    timings: _containers.RepeatedCompositeFieldContainer[StageTiming]
    context: _containers.ScalarMap[str, str]
    offset: Offset
    taken_at: _timestamp_pb2.Timestamp
    late: bool
    def __init__(self, inspection_id: _Optional[str] = ..., station: _Optional[_Union[_frame_pb2.StationPath, _Mapping]] = ..., part: _Optional[_Union[_frame_pb2.PartRef, _Mapping]] = ..., recipe: _Optional[str] = ..., candidates: _Optional[_Iterable[_Union[Candidate, _Mapping]]] = ..., quality_findings: _Optional[_Iterable[_Union[QualityFinding, _Mapping]]] = ..., provenance: _Optional[_Union[Provenance, _Mapping]] = ..., captured_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., timings: _Optional[_Iterable[_Union[StageTiming, _Mapping]]] = ..., context: _Optional[_Mapping[str, str]] = ..., offset: _Optional[_Union[Offset, _Mapping]] = ..., taken_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., late: _Optional[bool] = ...) -> None: ...
