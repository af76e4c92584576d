"""Whom the embedded issuer knows: `issuer.json` in the plant's state, written by the plant, read by `idp`."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict

FILE = "issuer.json"


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class ClientEntry(_Strict):
    client_id: str
    secret_file: Path
    """Relative to the state folder."""
    scopes: tuple[str, ...]
    """What it may ask for; none means none."""
    audience: str = "urn:jidoka:mesh"
    lifetime_s: int = 300
    """Of an access token. Five minutes: a leaked token is soon worthless."""


class Person(_Strict):
    user_name: str
    password_file: Path
    """Relative to the state folder."""
    roles: tuple[str, ...]


class Registry(_Strict):
    clients: tuple[ClientEntry, ...]
    people: tuple[Person, ...] = ()
    console: str = "console"
    """The public client (code + PKCE) through which people log in."""
    redirect_uris: tuple[str, ...] = ()
    """Where the console may send a person back to."""

    def write(self, state: Path) -> None:
        """Put it into the state folder."""
        (state / FILE).write_text(self.model_dump_json(indent=2) + "\n", encoding="utf-8")


def read(state: Path) -> Registry:
    """The registry of a state folder. Raises OSError or ValidationError."""
    return Registry.model_validate_json((state / FILE).read_text(encoding="utf-8"))
