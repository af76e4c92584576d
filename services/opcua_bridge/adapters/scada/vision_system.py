"""One station as a VisionSystem of OPC 40100-1, below the Machines folder of OPC 40001-1."""

import logging
import time
from collections.abc import Sequence

from asyncua import ua

from services.opcua_bridge.adapters.scada.configurations import Configurations
from services.opcua_bridge.adapters.scada.errors import Error
from services.opcua_bridge.adapters.scada.events import Emitter
from services.opcua_bridge.adapters.scada.machinery import MachineryItem, machines
from services.opcua_bridge.adapters.scada.recipes import OnContext, Recipes
from services.opcua_bridge.adapters.scada.results import Results
from services.opcua_bridge.adapters.scada.space import Outputs, Space, int32
from services.opcua_bridge.adapters.scada.transitions import MACHINE, MODE, OPERATIONAL, Transitions
from services.opcua_bridge.domain.line import StationName
from services.opcua_bridge.domain.vision import VisionState, vision_state, why_error
from services.opcua_bridge.ports import ShownVerdict

log = logging.getLogger("jidoka.opcua_bridge")
_SYSTEM, _SAFETY, _AUTOMATIC = 1003, 1009, 1021
_MODE = "VisionStateMachine.AutomaticModeStateMachine"
# The camera and the line decide when a part is inspected: over OPC UA nobody starts or stops it.
CLOSED = (
    *(f"VisionStateMachine.{name}" for name in ("Halt", "Reset")),
    *(f"{_MODE}.{name}" for name in ("StartSingleJob", "StartContinuous", "Stop", "Abort")),
)


class VisionSystem:
    """The object of one station, kept true to what the mesh does."""

    def __init__(
        self,
        space: Space,
        station: StationName,
        recipes: Sequence[tuple[str, int]],
        results_kept: int,
        idle_after_s: float,
        tell: OnContext | None,
    ) -> None:
        self._space, self._name, self._id = space, str(station), f"Vision/{station}"
        self._results_kept, self._idle_after_s = results_kept, idle_after_s
        self._recipes = Recipes(space, station, recipes, tell)
        self._configurations = Configurations(space, self._id)
        self._machinery = MachineryItem(space, self._id)
        self._state = VisionState.PREOPERATIONAL
        self._silent = False
        self._last_verdict_at = float("-inf")

    async def open(self) -> None:
        """Create the object with all that it serves."""
        space, vision = self._space, self._space.vision
        name = ua.QualifiedName(self._name, space.own)
        system = await space.add(machines(space), self._id, name, ua.NodeId(_SYSTEM, vision))
        events = Emitter(space.server, system, self._name)
        await events.open()
        self._transitions = Transitions(space, self._id, self._name, events)
        await self._transitions.open()
        self._results = Results(space, system, self._id, events, self._results_kept)
        machine = space.node(f"{self._id}.VisionStateMachine")
        mode = ua.QualifiedName("AutomaticModeStateMachine", vision)
        await space.add(machine, f"{self._id}.{_MODE}", mode, ua.NodeId(_AUTOMATIC, vision))
        safety = ua.QualifiedName("SafetyStateManagement", vision)
        await space.add(system, f"{self._id}.SafetyStateManagement", safety, ua.NodeId(_SAFETY, vision))
        space.serve(f"{self._id}.SafetyStateManagement.ReportSafetyState", self._on_safety)
        for method in CLOSED:
            await space.close(f"{self._id}.{method}")
        await self._results.open()
        await self._recipes.open(system, self._id)
        await self._configurations.open(system)
        await self._machinery.open(system, self._name)
        await self._enter(VisionState.PREOPERATIONAL)

    async def show(self, verdict: ShownVerdict, job: str) -> None:
        """A part was judged."""
        self._silent, self._last_verdict_at = False, time.monotonic()
        self._recipes.prepared = verdict.recipe or self._recipes.prepared
        await self._configurations.show(verdict)
        await self._results.show(verdict, job)
        await self.look(mesh_away=False)

    async def show_silent(self) -> None:
        """Parts pass and no verdict comes."""
        self._silent = True
        await self.look(mesh_away=False)

    async def look(self, *, mesh_away: bool) -> None:
        """Enter the state that holds now; to be asked again as time passes."""
        state = vision_state(
            mesh_away=mesh_away,
            silent=self._silent,
            idle_s=time.monotonic() - self._last_verdict_at,
            idle_after_s=self._idle_after_s,
        )
        before, self._state = self._state, state
        if state is not before:
            await self._enter(state)
            await self._transitions.tell(before, state, why_error(mesh_away=mesh_away, silent=self._silent))

    async def _enter(self, state: VisionState) -> None:
        vision = self._space.vision
        name, node = MACHINE.get(state, OPERATIONAL)
        await self._space.enter(f"{self._id}.VisionStateMachine", name, ua.NodeId(node, vision))
        if state in MODE:
            name, node = MODE[state]
            await self._space.enter(f"{self._id}.{_MODE}", name, ua.NodeId(node, vision))
        else:  # a sub-machine is in no state while its parent is in another one (OPC 10000-16)
            away = ua.DataValue(StatusCode=ua.StatusCode(ua.StatusCodes.BadStateNotActive))
            for tag in ("CurrentState", "CurrentState.Id"):
                await self._space.node(f"{self._id}.{_MODE}.{tag}").write_value(away)
        await self._machinery.enter(state)

    async def _on_safety(self, _parent: ua.NodeId, triggered: ua.Variant, information: ua.Variant) -> Outputs:
        """Shown, and nothing else: this is information, no safety function."""
        safety = f"{self._id}.SafetyStateManagement"
        log.warning("%s: safety state reported: %s", self._name, "triggered" if triggered.Value else "not triggered")
        await self._space.write(f"{safety}.VisionSafetyTriggered", bool(triggered.Value), ua.VariantType.Boolean)
        await self._space.write(f"{safety}.VisionSafetyInformation", information.Value or "", ua.VariantType.String)
        return [int32(Error.NONE)]
