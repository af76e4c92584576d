"""One tree of transport-neutral kinds; each edge (gRPC, HTTP, bus) maps them once.

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


class MeshError(Exception):
    """An expected failure that somebody can act on: `message` says what, `field` where, `fix` what to do."""

    def __init__(self, message: str, *, field: str = "", fix: str = "") -> None:
        super().__init__(message)
        self.message, self.field, self.fix = message, field, fix

    @property
    def kind(self) -> str:
        """The kind's name, for logs and problem documents."""
        return type(self).__name__.lower()

    def __str__(self) -> str:
        return (f"{self.field}: " if self.field else "") + self.message + (f" ({self.fix})" if self.fix else "")


# fmt: off
class Invalid(MeshError): ...
class Unauthenticated(MeshError): ...
class Denied(MeshError): ...
class NotFound(MeshError): ...
class Conflict(MeshError): ...
class Exhausted(MeshError): ...
class Unavailable(MeshError): ...
class Bug(MeshError): ...
# fmt: on
