"""RecipeManagement of one station: which recipes it knows, and an engineer's wish to work with another one."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from asyncua import ua
from asyncua.common.node import Node

from services.chassis.errors import MeshError
from services.opcua_bridge.adapters.scada.errors import Error
from services.opcua_bridge.adapters.scada.space import Outputs, Space, boolean, int32, structure, uint32
from services.opcua_bridge.domain.context import ContextChange
from services.opcua_bridge.domain.line import StationName

OnContext = Callable[[ContextChange], Awaitable[None]]
"""Tells the mesh; raises a MeshError when the broker did not store it."""
_TYPE = 1004
_FALSE, _ANY = 0, 2
READS, CHANGES = ("GetRecipeListFiltered",), ("PrepareRecipe", "UnprepareRecipe")


class Recipes:
    """The station's recipes by name; `prepared` is the one that its last verdict names."""

    def __init__(
        self, space: Space, station: StationName, known: Sequence[tuple[str, int]], tell: OnContext | None
    ) -> None:
        self._space, self._station, self._tell = space, station, tell
        self._known = dict(known)
        self.prepared = known[0][0] if known else ""

    async def open(self, system: Node, identifier: str) -> None:
        """Create the object, and let its methods be called."""
        vision, own = self._space.vision, f"{identifier}.RecipeManagement"
        await self._space.add(system, own, ua.QualifiedName("RecipeManagement", vision), ua.NodeId(_TYPE, vision))
        for name, answer in zip((*READS, *CHANGES), (self._filtered, self._prepare, self._unprepare), strict=True):
            self._space.serve(f"{own}.{name}", answer)

    async def _filtered(self, _parent: ua.NodeId, *inputs: ua.Variant) -> Outputs:
        external, product, prepared, most, start, _timeout = (one.Value for one in inputs)
        found = [self._internal(name) for name in self._known if self._fits(name, external, product, prepared)]
        page = found[start : start + most] if most else found[start:]
        complete = start + len(page) >= len(found)
        return [boolean(complete), uint32(len(page)), uint32(0), structure(page), int32(Error.NONE)]

    def _fits(self, name: str, external: Any, product: Any, prepared: int) -> bool:
        by_name = external is None or not external.Id or external.Id == name
        no_product = product is None or not product.Id  # recipes are for stations here, not for products
        return by_name and no_product and (prepared == _ANY or (name == self.prepared) == (prepared != _FALSE))

    async def _prepare(self, _parent: ua.NodeId, external: ua.Variant, internal: ua.Variant) -> Outputs:
        wanted = next((one.Value.Id for one in (internal, external) if one.Value and one.Value.Id), "")
        error = await self._ask_for(wanted)
        done = error is Error.NONE and wanted == self.prepared  # else it is, with the first part judged by it
        return [structure(self._internal(wanted)), boolean(done), int32(error)]

    async def _ask_for(self, wanted: str) -> Error:
        if wanted not in self._known:
            return Error.UNKNOWN_ID
        if self._tell is None:
            return Error.NOT_TAKEN
        where = self._station
        try:
            await self._tell(ContextChange(where.line, where.station, recipe=wanted, source="scada:prepare-recipe"))
        except MeshError:
            return Error.AWAY
        return Error.NONE

    async def _unprepare(self, _parent: ua.NodeId, external: ua.Variant, internal: ua.Variant) -> Outputs:
        wanted = next((one.Value.Id for one in (internal, external) if one.Value and one.Value.Id), "")
        error = Error.ALWAYS_PREPARED if wanted in self._known else Error.UNKNOWN_ID
        return [structure(self._internal(wanted)), int32(error)]

    def _internal(self, name: str) -> Any:
        return ua.RecipeIdInternalDataType(Id=name, Version=str(self._known.get(name, "")))
