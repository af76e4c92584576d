"""`jidoka replay`."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from jidoka.verdict.v1 import verdict_pb2
from rich.console import Console

from services.chassis.bus import Bus
from services.chassis.errors import MeshError
from services.contracts import plant as plants
from services.contracts.subjects import LINE, STATION, VERDICT_REACHED, WORKREQUEST
from tools.plant.broker import ADMIN
from tools.plant.cli import DEFAULT_STATE
from tools.plant.facts import Stored, stored
from tools.plant.state import PlantState, read_state
from tools.replay import rules, verdict

console = Console()


def replay(
    inspection_id: Annotated[str, typer.Argument(help="Of the verdict.")],
    state: Annotated[Path, typer.Option(envvar="JIDOKA_STATE", help="Folder of the running plant.")] = DEFAULT_STATE,
    plant: Annotated[
        Path | None, typer.Option(help="The plant file of that time; the plant's own unless given.")
    ] = None,
) -> None:
    """Derive a verdict and what the rules made of it again, and say whether it comes out the same.

    The verdict: the judge's own code on the candidates, findings and limits that stand on it. The rules: their own
    code on everything that they heard at that line, in the order in which the broker stored it. Nothing is sent.
    Exits with 1 when anything differs.
    """
    try:
        running = read_state(state.resolve())
        if running is None or not running.running():
            raise ValueError(f"no plant runs in {state}: start it with `jidoka up`")
        known = plants.load(plant or running.plant_file)
        same = asyncio.run(_replay(running, inspection_id, known))
    except (ValueError, OSError, MeshError) as error:
        console.print(f"[red]That did not work:[/] {error}", soft_wrap=True, highlight=False)
        raise typer.Exit(2) from None
    raise typer.Exit(0 if same else 1)


async def _replay(running: PlantState, inspection_id: str, plant: plants.Plant) -> bool:
    bus = Bus(running.url("nats"), ADMIN, running.secret(f"{ADMIN}.nats-password"))
    await bus.start()
    try:
        return await compare(bus, inspection_id, plant)
    finally:
        await bus.stop()


async def compare(bus: Bus, inspection_id: str, plant: plants.Plant) -> bool:
    """Prints what came out; whether all of it is identical. Raises ValueError for an unknown inspection."""
    facts = [fact async for fact in stored(bus, STATION, ["jidoka.v1.>"])]
    found = _verdict(facts, inspection_id)
    if found is None:
        raise ValueError(f"no verdict {inspection_id!r} in the stream: it keeps {STATION.max_age_s // 86_400} days")
    wrong = verdict.again(found, plant)
    _say(f"verdict {verdict_pb2.Outcome.Name(found.outcome).removeprefix('OUTCOME_')}", wrong)
    actions = {
        fact.msg_id: fact for stream in (LINE, WORKREQUEST) async for fact in stored(bus, stream, ["jidoka.v1.>"])
    }
    ours = {msg_id: fact for msg_id, fact in actions.items() if fact.subject.split(".")[3] in rules.VERBS}
    said = await rules.again(facts, ours, found, plant)
    for each in said:
        _say(f"{each.what} {each.id}", each.differs)
    if not said:
        console.print("no rule said anything that this part is a suspect of")
    return not wrong and not any(each.differs for each in said)


def _verdict(facts: list[Stored], inspection_id: str) -> verdict_pb2.Verdict | None:
    """The broker keeps an inspection once, under its own id."""
    prefix = VERDICT_REACHED.everywhere.removesuffix(">")
    for fact in facts:
        if fact.msg_id == inspection_id and fact.subject.startswith(prefix):
            return verdict_pb2.Verdict.FromString(fact.data)
    return None


def _say(what: str, differs: list[str]) -> None:
    console.print(f"{what}: {'[red]differs' if differs else '[green]identical'}", highlight=False, soft_wrap=True)
    for line in differs:
        console.print(f"  {line}", highlight=False, soft_wrap=True, markup=False)
