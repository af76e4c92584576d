"""`jidoka deadletters list | show | replay | drop`."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from google.protobuf.json_format import MessageToJson
from nats.errors import Error as NatsError
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from services.chassis.bus import Bus
from services.chassis.errors import MeshError
from services.contracts.subjects import inbox_of
from tools.deadletters import letters
from tools.deadletters.letters import Letter
from tools.plant.broker import ADMIN
from tools.plant.cli import DEFAULT_STATE
from tools.plant.state import read_state

app = typer.Typer(
    no_args_is_help=True,
    help="""Messages that a service could never handle: they wait here, with the reason, for a person.

Of the running plant, or of any broker with --nats, --user and --password-file (an account with the rights of
`dead_letter_rights` in services/contracts/rights.py). What is said again or dropped is on record: GET /v1/audit.
""",
)
console = Console()
T = TypeVar("T")
_CONNECT_S = 5.0
_MOST = 10_000
State = Annotated[Path, typer.Option(help="Folder of the running plant.")]
Nats = Annotated[str, typer.Option(help="Another broker instead of the running plant's: nats://host:port.")]
User = Annotated[str, typer.Option(help="The account at that broker.")]
Password = Annotated[Path | None, typer.Option(help="File with its password.")]
Numbers = Annotated[list[int] | None, typer.Argument(help="As `jidoka deadletters list` shows them.")]


@dataclass(frozen=True)
class Access:
    """Where the broker is, and who asks."""

    url: str
    user: str
    password: str

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Bus]:
        """Connected. Raises ValueError for a broker that is away, or does not let us in."""
        bus = Bus(self.url, self.user, self.password, inbox_of(self.user))
        try:
            async with asyncio.timeout(_CONNECT_S):
                await bus.start()
        except (NatsError, TimeoutError, OSError) as error:
            raise ValueError(f"{self.url} is away, or did not let us in as {self.user}: {error}") from None
        try:
            yield bus
        finally:
            await bus.stop()


@app.command("list")
def list_letters(
    state: State = DEFAULT_STATE,
    nats: Nats = "",
    user: User = "",
    password_file: Password = None,
    limit: Annotated[int, typer.Option(min=1, max=_MOST, help="The oldest so many.")] = 100,
) -> None:
    """Show what waits: number, who could not handle it, what it is, its place, its age and the reason."""
    with _plainly():
        found = _with(_access(state, nats, user, password_file), lambda bus: _known(bus, limit))
    table = Table("no", "service", "fact", "where", "age", "again?", "reason", box=None, pad_edge=False)
    for it in found:
        words = it.subject.split(".")
        again = "no" if it.why_not_again() else "yes"
        row = (str(it.number), it.service, ".".join(words[2:4]), "/".join(words[4:7]), _age(it), again, it.reason)
        table.add_row(*map(_plain, row))
    console.print(table if found else "There are none.")


@app.command()
def show(
    number: Annotated[int, typer.Argument(min=1)],
    state: State = DEFAULT_STATE,
    nats: Nats = "",
    user: User = "",
    password_file: Password = None,
) -> None:
    """Show one with all that is in it; what is no message of ours as bytes."""
    with _plainly():
        it = _with(_access(state, nats, user, password_file), lambda bus: letters.letter(bus, number))
    table = Table("", "", box=None, pad_edge=False, show_header=False)
    said = {
        "parked by": f"{it.service}, {_age(it)} ago ({it.parked_at:%Y-%m-%d %H:%M:%S %Z})",
        "because": it.reason,
        "said on": f"{it.subject}, sequence {it.sequence}",
        "again": it.why_not_again() or "it may be said again",
    }
    for name, value in said.items():
        table.add_row(name, _plain(value))
    console.print(table)
    try:
        body = MessageToJson(it.decoded(), indent=1)
    except ValueError as error:
        body = f"{error}\n{it.data[:512].hex(' ')}"
    console.print("\n".join(map(_printable, body.splitlines())), soft_wrap=True, highlight=False, markup=False)


@app.command()
def replay(
    numbers: Numbers = None,
    every: Annotated[bool, typer.Option("--all", help="Every one that may be said again; the rest stays.")] = False,
    state: State = DEFAULT_STATE,
    nats: Nats = "",
    user: User = "",
    password_file: Password = None,
) -> None:
    """Say messages again, when what they were parked for is mended; each goes to all who hear its subject.

    Only work requests and what is said of them are: whoever hears one knows it by its key. A verdict that is said again
    would be another part, a stop another stop: those are refused.
    """
    with _plainly():
        wanted = _wanted(numbers, every)
        done, left = _with(_access(state, nats, user, password_file), lambda bus: _replay(bus, wanted))
    console.print(f"{done} said again, {left} {'stays' if left == 1 else 'stay'}.")


@app.command()
def drop(
    numbers: Numbers = None,
    every: Annotated[bool, typer.Option("--all", help="Every one.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    state: State = DEFAULT_STATE,
    nats: Nats = "",
    user: User = "",
    password_file: Password = None,
) -> None:
    """Take messages away for good; that they were there, and who took them away, stays on record."""
    with _plainly():
        wanted = _wanted(numbers, every)
        if every and not yes:
            typer.confirm("Drop every dead letter?", abort=True)
        done = _with(_access(state, nats, user, password_file), lambda bus: _drop(bus, wanted))
    console.print(f"{done} dropped.")


async def _known(bus: Bus, most: int = _MOST) -> list[Letter]:
    return [it async for it in letters.letters(bus, most)]


async def _replay(bus: Bus, wanted: list[int]) -> tuple[int, int]:
    found = [await letters.letter(bus, number) for number in wanted] or await _known(bus)
    chosen = found if wanted else [it for it in found if not it.why_not_again()]
    for it in chosen:
        await letters.replay(bus, it)
    return len(chosen), len(found) - len(chosen)


async def _drop(bus: Bus, wanted: list[int]) -> int:
    found = [await letters.letter(bus, number) for number in wanted] or await _known(bus)
    for it in found:
        await letters.drop(bus, it)
    return len(found)


def _wanted(numbers: list[int] | None, every: bool) -> list[int]:
    if bool(numbers) == every:
        raise ValueError("name numbers, or say --all")
    return list(numbers or ())


def _access(state: Path, nats: str, user: str, password_file: Path | None) -> Access:
    if nats:
        if not user or password_file is None:
            raise ValueError("--nats wants --user and --password-file, too")
        return Access(nats, user, password_file.read_text(encoding="utf-8").strip())
    running = read_state(state.resolve())
    if running is None or not running.running():
        raise ValueError(f"no plant runs in {state}: start it with `jidoka up`, or name a broker with --nats")
    return Access(running.url("nats"), ADMIN, running.secret(f"{ADMIN}.nats-password"))


def _with(access: Access, ask: Callable[[Bus], Awaitable[T]]) -> T:
    async def asked() -> T:
        async with access.open() as bus:
            return await ask(bus)

    return asyncio.run(asked())


def _age(it: Letter) -> str:
    minutes = (time.time() - it.parked_at.timestamp()) / 60
    return f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.0f} h"


def _printable(text: str) -> str:
    """What strangers wrote may not steer the terminal."""
    return "".join(sign if sign.isprintable() else "?" for sign in text)


def _plain(text: str) -> str:
    return escape(_printable(text))


@contextmanager
def _plainly() -> Iterator[None]:
    """What was expected to go wrong ends with its message, not with a stack trace."""
    try:
        yield
    except (ValueError, OSError, NatsError, MeshError) as error:
        console.print(f"[red]That did not work:[/] {_plain(str(error))}", soft_wrap=True, highlight=False)
        raise typer.Exit(2) from None
