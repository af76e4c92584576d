import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from jidoka.frame.v1 import frame_pb2 as _frame_pb2
from jidoka.inspection.v1 import inspection_pb2 as _inspection_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Outcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    OUTCOME_UNSPECIFIED: _ClassVar[Outcome]
    OUTCOME_PASS: _ClassVar[Outcome]
    OUTCOME_FAIL: _ClassVar[Outcome]
    OUTCOME_INCONCLUSIVE: _ClassVar[Outcome]

class Severity(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SEVERITY_UNSPECIFIED: _ClassVar[Severity]
    SEVERITY_MINOR: _ClassVar[Severity]
    SEVERITY_MAJOR: _ClassVar[Severity]
    SEVERITY_CRITICAL: _ClassVar[Severity]
OUTCOME_UNSPECIFIED: Outcome
OUTCOME_PASS: Outcome
OUTCOME_FAIL: Outcome
OUTCOME_INCONCLUSIVE: Outcome
SEVERITY_UNSPECIFIED: Severity
SEVERITY_MINOR: Severity
SEVERITY_MAJOR: Severity
SEVERITY_CRITICAL: Severity

class ClassLimit(_message.Message):
    __slots__ = ("label", "threshold", "inconclusive_from", "best_score")
    LABEL_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    INCONCLUSIVE_FROM_FIELD_NUMBER: _ClassVar[int]
    BEST_SCORE_FIELD_NUMBER: _ClassVar[int]
    label: str
    threshold: float
    inconclusive_from: float
    best_score: float
    def __init__(self, label: _Optional[str] = ..., threshold: _Optional[float] = ..., inconclusive_from: _Optional[float] = ..., best_score: _Optional[float] = ...) -> None: ...

class Defect(_message.Message):
    __slots__ = ("label", "x1_px", "y1_px", "x2_px", "y2_px", "score", "area_px2", "severity", "zone")
    LABEL_FIELD_NUMBER: _ClassVar[int]
    X1_PX_FIELD_NUMBER: _ClassVar[int]
    Y1_PX_FIELD_NUMBER: _ClassVar[int]
    X2_PX_FIELD_NUMBER: _ClassVar[int]
    Y2_PX_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    AREA_PX2_FIELD_NUMBER: _ClassVar[int]
    SEVERITY_FIELD_NUMBER: _ClassVar[int]
    ZONE_FIELD_NUMBER: _ClassVar[int]
    label: str
    x1_px: float
    y1_px: float
    x2_px: float
    y2_px: float
    score: float
    area_px2: float
    severity: Severity
    zone: str
    def __init__(self, label: _Optional[str] = ..., x1_px: _Optional[float] = ..., y1_px: _Optional[float] = ..., x2_px: _Optional[float] = ..., y2_px: _Optional[float] = ..., score: _Optional[float] = ..., area_px2: _Optional[float] = ..., severity: _Optional[_Union[Severity, str]] = ..., zone: _Optional[str] = ...) -> None: ...

class Verdict(_message.Message):
    __slots__ = ("inspection_id", "station", "part", "outcome", "defects", "reasons", "recipe", "recipe_version", "rule_set_version", "provenance", "captured_at", "judged_at", "timings", "context", "limits", "tolerated", "quality_findings", "offset", "candidates", "taken_at", "late")
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
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    DEFECTS_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    RECIPE_FIELD_NUMBER: _ClassVar[int]
    RECIPE_VERSION_FIELD_NUMBER: _ClassVar[int]
    RULE_SET_VERSION_FIELD_NUMBER: _ClassVar[int]
    PROVENANCE_FIELD_NUMBER: _ClassVar[int]
    CAPTURED_AT_FIELD_NUMBER: _ClassVar[int]
    JUDGED_AT_FIELD_NUMBER: _ClassVar[int]
    TIMINGS_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    TOLERATED_FIELD_NUMBER: _ClassVar[int]
    QUALITY_FINDINGS_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    CANDIDATES_FIELD_NUMBER: _ClassVar[int]
    TAKEN_AT_FIELD_NUMBER: _ClassVar[int]
    LATE_FIELD_NUMBER: _ClassVar[int]
    inspection_id: str
    station: _frame_pb2.StationPath
    part: _frame_pb2.PartRef
    outcome: Outcome
    defects: _containers.RepeatedCompositeFieldContainer[Defect]
    reasons: _containers.RepeatedScalarFieldContainer[str]
    recipe: str
    recipe_version: int
    rule_set_version: int
    provenance: _inspection_pb2.Provenance
    captured_at: _timestamp_pb2.Timestamp
    judged_at: _timestamp_pb2.Timestamp
    timings: _containers.RepeatedCompositeFieldContainer[_inspection_pb2.StageTiming]
    context: _containers.ScalarMap[str, str]
    limits: _containers.RepeatedCompositeFieldContainer[ClassLimit]
    tolerated: _containers.RepeatedCompositeFieldContainer[Defect]
    quality_findings: _containers.RepeatedCompositeFieldContainer[_inspection_pb2.QualityFinding]
    offset: _inspection_pb2.Offset
    candidates: _containers.RepeatedCompositeFieldContainer[_inspection_pb2.Candidate]
    taken_at: _timestamp_pb2.Timestamp
    late: bool
    def __init__(self, inspection_id: _Optional[str] = ..., station: _Optional[_Union[_frame_pb2.StationPath, _Mapping]] = ..., part: _Optional[_Union[_frame_pb2.PartRef, _Mapping]] = ..., outcome: _Optional[_Union[Outcome, str]] = ..., defects: _Optional[_Iterable[_Union[Defect, _Mapping]]] = ..., reasons: _Optional[_Iterable[str]] = ..., recipe: _Optional[str] = ..., recipe_version: _Optional[int] = ..., rule_set_version: _Optional[int] = ..., provenance: _Optional[_Union[_inspection_pb2.Provenance, _Mapping]] = ..., captured_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., judged_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., timings: _Optional[_Iterable[_Union[_inspection_pb2.StageTiming, _Mapping]]] = ..., context: _Optional[_Mapping[str, str]] = ..., limits: _Optional[_Iterable[_Union[ClassLimit, _Mapping]]] = ..., tolerated: _Optional[_Iterable[_Union[Defect, _Mapping]]] = ..., quality_findings: _Optional[_Iterable[_Union[_inspection_pb2.QualityFinding, _Mapping]]] = ..., offset: _Optional[_Union[_inspection_pb2.Offset, _Mapping]] = ..., candidates: _Optional[_Iterable[_Union[_inspection_pb2.Candidate, _Mapping]]] = ..., taken_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., late: _Optional[bool] = ...) -> None: ...
