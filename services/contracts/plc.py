"""A line's PLC in the plant file: how it is reached, how it is asked to hold, and what it does when nobody asks."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from services.contracts.mistake import Mistake, nearest
from services.contracts.strict import Name, Strict

STATES = {
    "clearing": 1,
    "stopped": 2,
    "starting": 3,
    "idle": 4,
    "suspended": 5,
    "execute": 6,
    "stopping": 7,
    "aborting": 8,
    "aborted": 9,
    "holding": 10,
    "held": 11,
    "unholding": 12,
    "suspending": 13,
    "unsuspending": 14,
    "resetting": 15,
    "completing": 16,
    "complete": 17,
}
"""PackML's states with their numbers in TR88 and OPC 30050."""

_HEARTBEATS = ("HbVis", "HbPlc")
_BLOCK = (
    *("AckCmdId", "AckCode", "StateCurrent", "RemotePauseEnabled", "FailPolicy", "LinkDeadMs"),
    *("ReqCmd", "ReqReason", "ReqText", "ReqTtlMs", "ReqFresh", "ReqCmdId"),
)
NODES: dict[str, dict[str, str]] = {
    "visif": {name: f"VisIf.{name}" for name in (*_BLOCK, *_HEARTBEATS)},
    "packml": {name: f"Packml.{name}" for name in ("StateCurrent", "Hold", *_HEARTBEATS)} | {"Object": "Packml"},
    "tag": {name: f"Tag.{name}" for name in ("PauseRequest", "Paused", "StateCurrent", *_HEARTBEATS)},
}
"""What each adapter uses, and the node ids it expects in `namespace` if the plant file names no others."""
EXTRA = {"packml": ("RemotePauseEnabled",), "tag": ("RemotePauseEnabled",)}
"""What it uses as well where the plant file names a node."""
SPARED = {"packml": _HEARTBEATS, "tag": ("StateCurrent", *_HEARTBEATS)}
"""What it can do without: an empty node id."""
FAIL_POLICIES = {"run": 1, "hold": 2, "divert": 3}
"""The numbers of `VisIf.FailPolicy`."""

StateName = Annotated[str, Field(json_schema_extra={"enum": list(STATES)})]


class Plc(Strict):
    """How the bridge reaches a line's PLC and asks it to hold."""

    url: str
    """opc.tcp://host:port/path"""
    certificate_host: str = Field(default="", pattern=r"^[A-Za-z0-9.:_-]*$")
    """The host name or address that the PLC's certificate carries, where it is not the one in `url`; it is checked all
    the same."""
    namespace: str
    """Namespace URI of the nodes."""
    adapter: Literal["visif", "packml", "tag"] = "visif"
    """`visif`: the handshake block (deploy/plc), safe against every repetition and delay. `packml`: the method Hold,
    called once per request. `tag`: a Boolean that is TRUE while we ask; FALSE must never resume."""
    security_policy: Literal["Basic256Sha256", "Aes256Sha256RsaPss"] = "Basic256Sha256"
    """Always with SignAndEncrypt; there is no setting for less."""
    nodes: dict[str, str] = Field(default_factory=dict)
    """Other node ids than the adapter's own: a plain name is a string id in `namespace`, `i=…`, `g=…` and `b=…` are the
    other kinds; empty: the PLC has none (heartbeats of `packml` and `tag`, `tag`'s StateCurrent)."""
    state_map: dict[int, StateName] = Field(default_factory=dict)
    """What the PLC's StateCurrent means, if it does not count as TR88 and OPC 30050 do: {15: held} for OPC 30060. A
    number that is not named is a state unknown."""
    ack_timeout_s: float = Field(default=1.0, gt=0)
    """A command that is not acknowledged for so long is written again."""
    state_timeout_s: float = Field(default=10.0, gt=0)
    """How long the machine may take from Holding to Held."""
    on_link_loss: Literal["run", "hold", "divert"] = "run"
    """What the PLC's own watchdog does when our heartbeat stops: raise its alarm and run on, hold at the end of the
    cycle, or send every part to manual inspection. The PLC does it; `visif` only."""
    link_dead_s: float = Field(default=3.0, ge=1.5, le=3600)
    """The heartbeat may stand still for so long; it beats every 0.5 s."""
    pause_group: Name | None = None
    """A pause of one line asks all lines of the same group, each in its own handshake and with its own receipt."""
    priority: int = Field(default=100, ge=0, le=255)
    """Of our subscription among the PLC's clients; higher is served first."""

    @property
    def node_ids(self) -> dict[str, str]:
        """What the adapter uses, without what this PLC lacks."""
        return {name: node for name, node in (NODES[self.adapter] | self.nodes).items() if node}

    @property
    def states(self) -> dict[int, int]:
        """The PLC's state numbers as TR88 numbers."""
        return {number: STATES[name] for number, name in self.state_map.items()} or {n: n for n in STATES.values()}

    @model_validator(mode="after")
    def _nodes_fit_the_adapter(self) -> "Plc":
        known = [*NODES[self.adapter], *EXTRA.get(self.adapter, ())]
        for name, node in self.nodes.items():
            if name not in known:
                raise Mistake(f"nodes.{name}", f"is nothing that the adapter {self.adapter} uses", nearest(name, known))
            if not node and name not in SPARED.get(self.adapter, ()):
                raise Mistake(f"nodes.{name}", f"is empty, and the adapter {self.adapter} needs it", "give its node id")
        return self

    @model_validator(mode="after")
    def _states_are_known(self) -> "Plc":
        for number, name in self.state_map.items():
            if name not in STATES:
                raise Mistake(f"state_map.{number}", f"{name!r} is no state of PackML", nearest(name, list(STATES)))
        for needed in ("execute", "held"):
            if self.state_map and needed not in self.state_map.values():
                raise Mistake("state_map", f"names no number for {needed}", f"add the number that means {needed}")
        return self

    @model_validator(mode="after")
    def _policy_can_be_told(self) -> "Plc":
        if self.adapter != "visif" and self.on_link_loss != "run":
            fix = "adapter: visif, or program it in the PLC and leave this out"
            raise Mistake("on_link_loss", f"the adapter {self.adapter} cannot tell the PLC", fix)
        return self
