"""What a job order of the MES (OPC 10031-4) says about lot, material, recipe and tool."""

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import extensionobject_from_binary, extensionobject_to_binary

from services.chassis.errors import Invalid
from services.opcua_bridge.domain.context import ContextChange
from services.opcua_bridge.domain.jobs import Job, KeptJob
from services.opcua_bridge.domain.line import LineName

_LONGEST = 128
_PARAMETERS = ("lot", "material", "supplier", "recipe", "tool", "station")


def read_order(order: Any, line: LineName, stations: Collection[str], recipes: Collection[str]) -> Job:
    """The order as a job. Raises Invalid for a station or recipe that the line does not have, or a text too long.

    Lot and material: the first material requirement; supplier: its property of that name; recipe: the work master;
    tool: the first physical asset; station: an equipment requirement. A job order parameter of the name wins.
    """
    given = _requirements(order, stations) | _parameters(order)
    said: dict[str, Any] = {name: value for name, value in given.items() if value}
    for name, value in {"JobOrderID": order.JobOrderID or "", **said}.items():
        if len(value) > _LONGEST:
            raise Invalid(f"more than {_LONGEST} characters", field=name, fix="shorten it")
    _check("station", said.get("station", ""), stations)
    _check("recipe", said.get("recipe", ""), recipes)
    id_ = order.JobOrderID or ""
    return Job(id_, ContextChange(line, job_order=id_, source="scada:job-order", **said), order)


def keep(job: Job) -> KeptJob:
    """The job with its order as OPC UA binary."""
    return KeptJob(job.id, job.state, bytes(extensionobject_to_binary(job.order)))


def read_kept(kept: KeptJob, line: LineName, stations: Collection[str], recipes: Collection[str]) -> Job:
    """The job as it was. Raises Invalid for an order that nobody can read any more, or that names what is gone."""
    try:
        order = extensionobject_from_binary(Buffer(kept.encoded))
        return replace(read_order(order, line, stations, recipes), state=kept.state)
    except Invalid:
        raise
    except Exception as error:  # asyncua raises what it meets
        raise Invalid(f"it cannot be read: {error}", field="JobOrder", fix="let the MES send it again") from error


def _requirements(order: Any, stations: Collection[str]) -> dict[str, str]:
    material, asset, master = (
        next(iter(some or ()), None)
        for some in (order.MaterialRequirements, order.PhysicalAssetRequirements, order.WorkMasterID)
    )
    equipment = (one.ID for one in order.EquipmentRequirements or ())
    return {
        "lot": getattr(material, "MaterialLotID", None) or "",
        "material": getattr(material, "MaterialDefinitionID", None) or "",
        "supplier": _named(getattr(material, "Properties", None)).get("supplier", ""),
        "tool": getattr(asset, "ID", None) or "",
        "recipe": getattr(master, "ID", None) or "",
        "station": next((one for one in equipment if one in stations), ""),
    }


def _parameters(order: Any) -> dict[str, str]:
    given = _named(order.JobOrderParameters)
    return {name: given[name] for name in _PARAMETERS if name in given}


def _named(some: Any) -> dict[str, str]:
    """Properties or parameters by their lower-case ids, those that are text."""
    pairs = ((str(one.ID).lower(), getattr(one.Value, "Value", one.Value)) for one in some or ())
    return {name: value for name, value in pairs if isinstance(value, str)}


def _check(field: str, value: str, known: Collection[str]) -> None:
    if value and value not in known:
        raise Invalid(f"there is no {value} here", field=field, fix=f"one of {', '.join(sorted(known))}")
