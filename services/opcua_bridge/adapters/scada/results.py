"""ResultManagement of one station: its last results, to be asked for again, and an event for each new one."""

import json
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from asyncua import ua
from asyncua.common.node import Node

from services.opcua_bridge.adapters.scada.errors import Error
from services.opcua_bridge.adapters.scada.events import Emitter
from services.opcua_bridge.adapters.scada.space import Outputs, Space, boolean, int32, structure, uint32
from services.opcua_bridge.ports import ShownVerdict

_TYPE, _READY_EVENT = 1007, 1024
_COMPLETED = 1
_NOTHING_TO_RELEASE = uint32(0)
_LARGEST_PAGE = 100  # what takes longer to encode would delay the lines' heartbeats
_SEVERITY = {"PASS": 100, "INCONCLUSIVE": 300, "FAIL": 500}
METHODS = ("GetResultById", "GetResultComponentsById", "GetResultListFiltered")


@dataclass(frozen=True)
class _Kept:
    verdict: ShownVerdict
    job: str


class Results:
    """The last `limit` results of a station, newest last; older ones are in the mesh's own history."""

    def __init__(self, space: Space, system: Node, identifier: str, events: Emitter, limit: int) -> None:
        self._space, self._system, self._id, self._limit = space, system, f"{identifier}.ResultManagement", limit
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._events, self._ready = events, ua.NodeId(_READY_EVENT, space.vision)

    async def open(self) -> None:
        """Create the object, and let its methods be called."""
        vision = self._space.vision
        name = ua.QualifiedName("ResultManagement", vision)
        await self._space.add(self._system, self._id, name, ua.NodeId(_TYPE, vision))
        await self._events.prepare(self._ready)
        for method, answer in zip(METHODS, (self._by_id, self._components_by_id, self._filtered), strict=True):
            self._space.serve(f"{self._id}.{method}", answer)

    async def show(self, verdict: ShownVerdict, job: str) -> None:
        """Keep a result and raise ResultReadyEvent for it."""
        kept = _Kept(verdict, job)
        self._kept[verdict.inspection_id] = kept
        self._kept.move_to_end(verdict.inspection_id)
        if len(self._kept) > self._limit:
            self._kept.popitem(last=False)
        message = f"{verdict.part_id}: {verdict.outcome} {verdict.label}".rstrip()
        severity = _SEVERITY.get(verdict.outcome, 300)
        await self._events.emit(self._ready, message, severity, verdict.judged_at, **_event_fields(_result(kept)))

    async def _by_id(self, _parent: ua.NodeId, wanted: ua.Variant, _timeout: ua.Variant) -> Outputs:
        kept = self._kept.get(_id(wanted.Value))
        result = _result(kept) if kept else ua.ResultDataType()
        return [_NOTHING_TO_RELEASE, structure(result), int32(Error.NONE if kept else Error.UNKNOWN_ID)]

    async def _components_by_id(self, _parent: ua.NodeId, wanted: ua.Variant, _timeout: ua.Variant) -> Outputs:
        kept = self._kept.get(_id(wanted.Value))
        fields = _event_fields(_result(kept) if kept else ua.ResultDataType())
        error = Error.NONE if kept else Error.UNKNOWN_ID
        return [boolean(False), _NOTHING_TO_RELEASE, *(fields[name] for name in _COMPONENTS), int32(error)]

    async def _filtered(self, _parent: ua.NodeId, *inputs: ua.Variant) -> Outputs:
        *wanted, most, start, _timeout = (one.Value for one in inputs)
        found = list(self._matching(wanted))
        page = [_result(kept) for kept in found[start : start + min(most or _LARGEST_PAGE, _LARGEST_PAGE)]]
        complete = start + len(page) >= len(found)
        return [boolean(complete), uint32(len(page)), _NOTHING_TO_RELEASE, structure(page), int32(Error.NONE)]

    def _matching(self, wanted: list[Any]) -> Iterator[_Kept]:
        state, ids = wanted[0], [_id(one) for one in wanted[1:]]
        if state not in (0, _COMPLETED):  # 0 stands for any, as an empty id does; none but completed ones are kept
            return
        for kept in reversed(self._kept.values()):
            v = kept.verdict
            own = ("", v.part_id, v.recipe, v.recipe, "", configuration_id(v), v.product, kept.job)
            if all(want in ("", have) for want, have in zip(ids, own, strict=True)):
                yield kept


def configuration_id(verdict: ShownVerdict) -> str:
    """Which rules and which model judged: together they are the active configuration of OPC 40100-1."""
    return f"rules-{verdict.rule_set_version}+model-{verdict.model_digest[:12]}"


def _id(value: Any) -> str:
    return (value.Id or "") if value is not None else ""


def _result(kept: _Kept) -> Any:
    v = kept.verdict
    judged = datetime.fromtimestamp(v.judged_at, UTC)
    captured = datetime.fromtimestamp(v.captured_at or v.judged_at, UTC)
    return ua.ResultDataType(
        ResultId=ua.ResultIdDataType(Id=v.inspection_id),
        HasTransferableDataOnFile=False,
        IsPartial=False,
        IsSimulated=False,
        ResultState=_COMPLETED,
        PartId=ua.PartIdDataType(Id=v.part_id),
        ExternalRecipeId=ua.RecipeIdExternalDataType(Id=v.recipe),
        InternalRecipeId=ua.RecipeIdInternalDataType(Id=v.recipe, Version=str(v.recipe_version)),
        ProductId=ua.ProductIdDataType(Id=v.product),
        InternalConfigurationId=ua.ConfigurationIdDataType(Id=configuration_id(v)),
        JobId=ua.JobIdDataType(Id=kept.job),
        CreationTime=judged,
        ProcessingTimes=ua.ProcessingTimesDataType(StartTime=captured, EndTime=judged),
        ResultContent=_content(v),
    )


def _content(v: ShownVerdict) -> list[ua.Variant]:
    """What the standard leaves to the application: verdict, defect class, score, and all of it as JSON."""
    said = {"verdict": v.outcome, "defect_class": v.label, "score": v.score, "part": v.part_id, "reasons": v.reasons}
    text = ua.VariantType.String
    return [
        ua.Variant(v.outcome, text),
        ua.Variant(v.label, text),
        ua.Variant(v.score, ua.VariantType.Double),
        ua.Variant(json.dumps(said, ensure_ascii=False), text),
    ]


_COMPONENTS = {  # in the order of GetResultComponentsById
    "IsPartial": ua.VariantType.Boolean,
    "IsSimulated": ua.VariantType.Boolean,
    "ResultState": ua.VariantType.Int32,
    "MeasId": ua.VariantType.ExtensionObject,
    "PartId": ua.VariantType.ExtensionObject,
    "ExternalRecipeId": ua.VariantType.ExtensionObject,
    "InternalRecipeId": ua.VariantType.ExtensionObject,
    "ProductId": ua.VariantType.ExtensionObject,
    "ExternalConfigurationId": ua.VariantType.ExtensionObject,
    "InternalConfigurationId": ua.VariantType.ExtensionObject,
    "JobId": ua.VariantType.ExtensionObject,
    "CreationTime": ua.VariantType.DateTime,
    "ProcessingTimes": ua.VariantType.ExtensionObject,
    "ResultContent": ua.VariantType.Variant,
}


def _event_fields(result: Any) -> dict[str, ua.Variant]:
    fields = {name: ua.Variant(getattr(result, name), kind) for name, kind in _COMPONENTS.items()}
    return fields | {"ResultId": structure(result.ResultId)}
