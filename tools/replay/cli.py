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
    station: Annotated[str, typer.Option(help="site/line/station, where several have used this id.")] = "",
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
        same = asyncio.run(_replay(running, inspection_id, known, station))
    except (ValueError, OSError, MeshError) as error:
        console.print(f"[red]That did not work:[/] {error}", soft_wrap=True, highlight=False)
        raise typer.Exit(2) from None
    raise typer.Exit(0 if same else 1)


async def _replay(running: PlantState, inspection_id: str, plant: plants.Plant, station: str) -> bool:
    bus = Bus(running.url("nats"), ADMIN, running.secret(f"{ADMIN}.nats-password"))
    await bus.start()
    try:
        return await compare(bus, inspection_id, plant, station)
    finally:
        await bus.stop()


async def compare(bus: Bus, inspection_id: str, plant: plants.Plant, station: str = "") -> bool:
    """Prints what came out; whether all of it is identical. Raises ValueError for an unknown inspection."""
    facts = [fact async for fact in stored(bus, STATION, ["jidoka.v1.>"])]
    found = _verdict(facts, inspection_id, station)
    if found is None:
        raise ValueError(f"no verdict {inspection_id!r} in the stream: it keeps {STATION.max_age_s // 86_400} days")
    wrong = verdict.again(found, plant)
    _say(f"verdict {verdict_pb2.Outcome.Name(found.outcome).removeprefix('OUTCOME_')}", wrong)
    actions = {
        fact.fact_id: fact for stream in (LINE, WORKREQUEST) async for fact in stored(bus, stream, ["jidoka.v1.>"])
    }
    ours = {fact_id: fact for fact_id, fact in actions.items() if fact.subject.split(".")[3] in rules.VERBS}
    said = await rules.again(facts, ours, found, plant)
    for each in said:
        _say(f"{each.what} {each.id}", each.differs)
    if not said:
        console.print("no rule said anything that this part is a suspect of")
    return not wrong and not any(each.differs for each in said)


def _verdict(facts: list[Stored], inspection_id: str, station: str) -> verdict_pb2.Verdict | None:
    """Raises ValueError when several stations have used the id and nobody said which one is meant."""
    prefix = VERDICT_REACHED.everywhere.removesuffix(">")
    verdicts = (verdict_pb2.Verdict.FromString(fact.data) for fact in facts if fact.subject.startswith(prefix))
    found = {_place(verdict): verdict for verdict in verdicts if verdict.inspection_id == inspection_id}
    if station:
        return found.get(station)
    if len(found) > 1:
        raise ValueError(f"{inspection_id!r} stands for a part at each of {', '.join(found)}: add --station")
    return next(iter(found.values()), None)


def _place(verdict: verdict_pb2.Verdict) -> str:
    at = verdict.station
    return f"{at.site}/{at.line}/{at.station}"


def _say(what: str, differs: list[str]) -> None:
    console.print(f"{what}: {'[red]differs' if differs else '[green]identical'}", highlight=False, soft_wrap=True)
    for line in differs:
        console.print(f"  {line}", highlight=False, soft_wrap=True, markup=False)
