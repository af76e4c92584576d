"""One tree of transport-neutral error kinds; each edge (gRPC, HTTP, bus) maps them once.

MeshError
├── Invalid          the caller's input is wrong: `field` and `fix` say where and what to do
├── Unauthenticated  no token, or one that cannot be believed
├── Denied           a good token without the right
├── NotFound
├── Conflict
├── Exhausted        refused before acceptance: come back later
├── Unavailable      a part that we need is away: nothing was done or lost, send again
└── Bug              our fault
"""

from typing import ClassVar


class MeshError(Exception):
    """An expected failure that somebody can act on: `message` says what, `fix` what to do."""

    kind: ClassVar[str] = "bug"

    def __init__(self, message: str, *, field: str = "", fix: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.fix = fix

    def __str__(self) -> str:
        where = f"{self.field}: " if self.field else ""
        return f"{where}{self.message}" + (f" ({self.fix})" if self.fix else "")


class Invalid(MeshError):
    kind = "invalid"


class Unauthenticated(MeshError):
    kind = "unauthenticated"


class Denied(MeshError):
    kind = "denied"


class NotFound(MeshError):
    kind = "not-found"


class Conflict(MeshError):
    kind = "conflict"


class Exhausted(MeshError):
    kind = "exhausted"


class Unavailable(MeshError):
    kind = "unavailable"


class Bug(MeshError):
    kind = "bug"
