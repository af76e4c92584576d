"""ConfigurationManagement of one station: which rules and model judge. They are changed at the gateway, not here."""

from datetime import UTC, datetime
from typing import Any

from asyncua import ua
from asyncua.common.node import Node

from services.opcua_bridge.adapters.scada.errors import Error
from services.opcua_bridge.adapters.scada.results import configuration_id
from services.opcua_bridge.adapters.scada.space import Method, Outputs, Space, boolean, int32, structure, uint32
from services.opcua_bridge.ports import ShownVerdict

_TYPE = 1006
READS, CHANGES = ("GetConfigurationById", "GetConfigurationList"), ("ActivateConfiguration",)


class Configurations:
    """The one configuration in force, known from the first verdict on."""

    def __init__(self, space: Space, identifier: str) -> None:
        self._space, self._id = space, f"{identifier}.ConfigurationManagement"
        self._active = ""
        self._structure: Any = None

    async def open(self, system: Node) -> None:
        """Create the object, and let its methods be called."""
        vision = self._space.vision
        name = ua.QualifiedName("ConfigurationManagement", vision)
        await self._space.add(system, self._id, name, ua.NodeId(_TYPE, vision))
        answers: tuple[Method, ...] = (self._by_id, self._list, self._activate)
        for method, answer in zip((*READS, *CHANGES), answers, strict=True):
            self._space.serve(f"{self._id}.{method}", answer)
        unknown = ua.DataValue(StatusCode=ua.StatusCode(ua.StatusCodes.BadWaitingForInitialData))
        await self._space.node(f"{self._id}.ActiveConfiguration").write_value(unknown)

    async def show(self, verdict: ShownVerdict) -> None:
        """A verdict names what it was judged by."""
        if (active := configuration_id(verdict)) == self._active:
            return
        self._active = active
        named = ua.ConfigurationIdDataType(Id=active, Version=str(verdict.rule_set_version))
        at = datetime.fromtimestamp(verdict.judged_at, UTC)
        self._structure = ua.ConfigurationDataType(
            HasTransferableDataOnFile=False, ExternalId=named, InternalId=named, LastModified=at
        )
        kind = ua.VariantType.ExtensionObject
        await self._space.write(f"{self._id}.ActiveConfiguration", self._structure, kind)

    async def _by_id(self, _parent: ua.NodeId, wanted: ua.Variant, _timeout: ua.Variant) -> Outputs:
        here = bool(self._active) and wanted.Value is not None and wanted.Value.Id == self._active
        found = self._structure if here else ua.ConfigurationDataType()
        return [uint32(0), structure(found), int32(Error.NONE if here else Error.UNKNOWN_ID)]

    async def _list(self, _parent: ua.NodeId, most: ua.Variant, start: ua.Variant, _timeout: ua.Variant) -> Outputs:
        known = [self._structure] if self._active else []
        page = known[start.Value : start.Value + most.Value] if most.Value else known[start.Value :]
        complete = start.Value + len(page) >= len(known)
        return [boolean(complete), uint32(len(page)), uint32(0), structure(page), int32(Error.NONE)]

    async def _activate(self, _parent: ua.NodeId, wanted: ua.Variant) -> Outputs:
        active = bool(self._active) and wanted.Value is not None and wanted.Value.Id == self._active
        return [int32(Error.NONE if active else Error.ELSEWHERE)]
