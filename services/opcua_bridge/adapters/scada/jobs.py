"""The ISA-95 Job Control receiver of one line: the MES says what it works on, with the methods of OPC 10031-4.

Each list is stored before the MES gets its answer; after a restart it is there again, as it is at the bridge that
stands by. Until the broker has said what was listed last, no order is taken. What the running order says of the line is
told once the list is stored: an order that is refused changes nothing (B9).
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

from asyncua import ua
from asyncua.common.node import Node

from services.chassis.errors import Invalid, MeshError, Unavailable
from services.opcua_bridge.adapters.scada.orders import keep, read_kept, read_order
from services.opcua_bridge.adapters.scada.recipes import OnContext
from services.opcua_bridge.adapters.scada.space import Method, Outputs, Space
from services.opcua_bridge.domain.jobs import (
    COMMANDS,
    INVALID_REQUEST,
    NO_ERROR,
    UNABLE_TO_ACCEPT,
    Job,
    Jobs,
    JobState,
    KeptList,
    ReturnStatus,
)
from services.opcua_bridge.domain.line import LineName

log = logging.getLogger("jidoka.opcua_bridge")
_TYPE = 1002
_STATES = {  # name and node of each state in the receiver's type
    JobState.NOT_ALLOWED_TO_START: ("NotAllowedToStart", 5035),
    JobState.ALLOWED_TO_START: ("AllowedToStart", 5036),
    JobState.RUNNING: ("Running", 5037),
    JobState.INTERRUPTED: ("Interrupted", 5038),
    JobState.ENDED: ("Ended", 5039),
    JobState.ABORTED: ("Aborted", 5040),
}
_COMMANDS = {name.title().replace("_", ""): name for name in COMMANDS}
OnOrders = Callable[[LineName, KeptList, int], Awaitable[int]]
"""Stores a line's list, given the place of the one before; returns its own. Raises a MeshError: not stored."""
METHODS = ("Store", "StoreAndStart", "Update", *_COMMANDS)


class JobReceiver:
    """The orders of one line. What the running one says is told to the mesh, even late."""

    def __init__(
        self,
        space: Space,
        line: LineName,
        stations: Sequence[str],
        recipes: Sequence[str],
        limit: int,
        tell: OnContext | None,
        store: OnOrders | None = None,
    ) -> None:
        self._space, self._line, self._stations, self._recipes, self._tell = space, line, stations, recipes, tell
        self._id = f"Jobs/{line}"
        self._jobs = Jobs(limit)
        self._store_list, self._place = store, 0
        self._since = self._told = 0.0  # when the running order's context began; that of the one that was told last
        self._knows = store is None
        self._one_at_a_time = asyncio.Lock()

    @property
    def running(self) -> str:
        """The id of the order that the line works on; empty: none that we know."""
        return self._jobs.running.id if self._jobs.running else ""

    async def open(self, folder: Node) -> None:
        """Create the object, and let its methods be called."""
        space = self._space
        name, of_type = ua.QualifiedName(str(self._line), space.own), ua.NodeId(_TYPE, space.jobs)
        await space.add(folder, self._id, name, of_type, optional=True)  # its methods are all optional
        await space.write(f"{self._id}.MaxDownloadableJobOrders", self._jobs.limit, ua.VariantType.UInt16)
        for texts in ("MaterialClassID", "MaterialDefinitionID", "PersonnelID", "PhysicalAssetID"):
            await space.write(f"{self._id}.{texts}", [], ua.VariantType.String)
        await space.write(f"{self._id}.EquipmentID", list(self._stations), ua.VariantType.String)
        masters = [ua.ISA95WorkMasterDataType(ID=recipe) for recipe in self._recipes]
        await space.write(f"{self._id}.WorkMaster", masters, ua.VariantType.ExtensionObject)
        await self._show()
        for method, answer in (("Store", self._store), ("StoreAndStart", self._start), ("Update", self._update)):
            space.serve(f"{self._id}.{method}", answer)
        for method, command in _COMMANDS.items():
            space.serve(f"{self._id}.{method}", self._carrying_out(command))

    async def restore(self, kept: KeptList, place: int) -> None:
        """The list as it stands on the broker; an order that cannot be read any more is left out, with a word.

        A telling that was lost, here or at the bridge that stored the list, is repeated. Raises Unavailable: again.
        Place 0 later on: the stream was made anew and holds none; what we know goes there with the next change (R3).
        """
        async with self._one_at_a_time:
            if not self._knows or place > self._place:
                await self._adopt(kept, place)
            elif not place:
                self._place = 0
            await self._say()

    async def _adopt(self, kept: KeptList, place: int) -> None:
        known = {}
        for one in kept.jobs:
            try:
                known[one.id] = read_kept(one, self._line, self._stations, self._recipes)
            except Invalid as error:
                log.warning("the job order %s of %s is forgotten: %s", one.id, self._line, error)
        self._jobs, self._place, self._knows = Jobs(self._jobs.limit, known), place, True
        self._since = kept.since
        await self._show()

    async def _store(self, _parent: ua.NodeId, order: ua.Variant, *_comment: ua.Variant) -> Outputs:
        return await self._answer(lambda jobs: jobs.store(self._read(order)))

    async def _start(self, _parent: ua.NodeId, order: ua.Variant, *_comment: ua.Variant) -> Outputs:
        def change(jobs: Jobs) -> tuple[Jobs, ReturnStatus]:
            job = self._read(order)
            stored, status = jobs.store(job)
            return stored.command("start", job.id) if status is NO_ERROR else (jobs, status)

        return await self._answer(change)

    async def _update(self, _parent: ua.NodeId, order: ua.Variant, *_comment: ua.Variant) -> Outputs:
        return await self._answer(lambda jobs: jobs.update(self._read(order)))

    def _carrying_out(self, command: str) -> Method:
        async def answer(_parent: ua.NodeId, id_: ua.Variant, *_comment: ua.Variant) -> Outputs:
            return await self._answer(lambda jobs: jobs.command(command, id_.Value or ""))

        return answer

    def _read(self, order: ua.Variant) -> Job:
        if order.Value is None:
            raise Invalid("there is none", field="JobOrder", fix="send an ISA95JobOrderDataType")
        return read_order(order.Value, self._line, self._stations, self._recipes)

    async def _answer(self, change: Any) -> Outputs:
        async with self._one_at_a_time:
            try:
                if not self._knows:
                    raise Unavailable("the broker has not said what was listed last", fix="the same again later")
                await self._say()  # no list follows one whose order was not told
                jobs, status = change(self._jobs)
                if status is NO_ERROR:
                    await self._keep(jobs)
                    await self._show()
                    await self._say_or_later()
            except Invalid as error:
                log.warning("a job order for %s is refused: %s", self._line, error)
                status = INVALID_REQUEST
            except MeshError as error:
                log.warning("a job order for %s is not taken now: %s", self._line, error)
                status = UNABLE_TO_ACCEPT
        return [ua.Variant(int(status), ua.VariantType.UInt64)]

    async def _keep(self, jobs: Jobs) -> None:
        before, after = self._jobs.running, jobs.running
        since = self._since if after else 0.0
        if after and (before is None or before.context != after.context):
            since = round(time.time(), 6)  # as fine as it is when it is read back
        if self._store_list:
            kept = KeptList(tuple(keep(job) for job in jobs.known.values()), since)
            self._place = await self._store_list(self._line, kept, self._place)
        self._jobs, self._since = jobs, since

    async def _say(self) -> None:
        job = self._jobs.running
        if self._tell and job and self._since != self._told:
            await self._tell(replace(job.context, at=self._since))
            self._told = self._since

    async def _say_or_later(self) -> None:
        """The order is taken whatever happens now: it stands in the list, which is read back."""
        try:
            await self._say()
        except Unavailable as error:
            log.warning("what %s works on is told later: %s", self._line, error)

    async def _show(self) -> None:
        listed = [
            ua.ISA95JobOrderAndStateDataType(JobOrder=job.order, State=[_state(job.state)])
            for job in self._jobs.known.values()
        ]
        await self._space.write(f"{self._id}.JobOrderList", listed, ua.VariantType.ExtensionObject)
        latest = self._jobs.running or next(reversed(self._jobs.known.values()), None)
        name, node = _STATES[latest.state if latest else JobState.NOT_ALLOWED_TO_START]
        await self._space.enter(self._id, name, ua.NodeId(node, self._space.jobs))


def _state(state: JobState) -> Any:
    text = ua.LocalizedText(_STATES[state][0], "en")
    return ua.ISA95StateDataType(BrowsePath=ua.RelativePath(), StateText=text, StateNumber=int(state))
