"""What a handshake wants done next."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Write:
    """Write the command now; the PLC may execute it for `ttl_s` more seconds."""

    ttl_s: float


@dataclass(frozen=True)
class TakeBack:
    """The request has expired: undo what still asks for it, where the PLC would not find out by itself."""


@dataclass(frozen=True)
class ClaimAnew:
    """The link's numbers belong to another stream than the request (R3): claim the PLC anew, then look again."""


@dataclass(frozen=True)
class Wait:
    """Look again after `seconds`, or as soon as the PLC says something new."""

    seconds: float
