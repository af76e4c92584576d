"""The demo from start to end: plant up, boards drawn, script played, witnesses heard, figures shown."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
from jidoka.verdict.v1 import verdict_pb2
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from services.chassis import rpc, telemetry
from services.chassis.auth import TokenSource
from services.chassis.bus import Bus
from services.chassis.run import cancel
from services.contracts import plant as plants
from services.contracts.scopes import INSPECTION_SUBMIT, PRODUCT_WRITE
from tools.demo import contact_sheet, script, witness
from tools.demo.boards import Generated, Photographed, Source
from tools.demo.play import Player, Record
from tools.demo.summary import Summary, render, summarize
from tools.plant import control, trace_store, waterfall
from tools.plant.state import PlantState
from tools.simulators.camera import Camera
from tools.simulators.line_operator import LineOperator

_WITNESS_S = 30.0
_TRACE_S, _LOOK_S = 10.0, 0.25
_ON_THE_WAY = {"camera", "preprocessing", "triton", "postprocessing", "opcua-bridge", "mes-connector"}


@dataclass(frozen=True)
class Options:
    """What the command line asked for."""

    boards: int
    rate: float
    images: Path | None
    split: str
    seed: int
    sheet: Path
    root: Path
    plant: Path
    keep_up: bool


async def run(options: Options, console: Console) -> Summary:
    """Raises PlantFailed, ValueError or OSError naming what is wrong."""
    with console.status("Drawing the boards …"):
        source: Source = Generated(options.seed)
        if options.images is not None:
            source = Photographed(options.images, options.split, options.seed)
        play = await asyncio.to_thread(script.write, source, options.boards, options.seed)
    before = control.read_state(options.root)
    was_up = before is not None and before.running()
    started = time.monotonic()
    with console.status("Starting the plant …") as status:

        def show(state: PlantState) -> None:
            healthy = sum(part.phase in {"healthy", "done"} for part in state.parts.values())
            status.update(f"Starting the plant … {healthy} of {len(state.parts)} parts are healthy")

        state = await asyncio.to_thread(control.ensure_up, options.root, options.plant, (), show)
    console.print(f"The plant is up: {len(state.parts)} parts in {time.monotonic() - started:.1f} s.")
    # Whoever kills the plant's own supervisor gets it back, too.
    revival = asyncio.create_task(control.watch(options.root, options.plant))
    try:
        telemetry.setup("camera", f"127.0.0.1:{state.ports['traces-grpc']}", "CRITICAL")
        await _register(source, state)
        return await _act(options, state, play, console)
    finally:
        telemetry.shutdown()
        await cancel(revival)
        if not was_up and not options.keep_up:
            with console.status("Stopping the plant …"):
                await asyncio.to_thread(control.bring_down, options.root)


async def _register(source: Source, state: PlantState) -> None:
    """Every product's golden template, through the gateway as a quality engineer's tool would."""
    token = TokenSource(state.url("issuer"), "demo", state.secret("demo.client-secret"), (PRODUCT_WRITE,))
    async with httpx.AsyncClient(base_url=state.url("gateway"), timeout=10) as http:
        for product_id, image in source.goldens().items():
            headers = {"Authorization": await token.authorization()}
            answer = await http.put(f"/v1/products/{product_id}/golden", files={"image": image}, headers=headers)
            answer.raise_for_status()
    await token.close()


async def _act(options: Options, state: PlantState, play: script.Script, console: Console) -> Summary:
    plant = plants.load(state.plant_file)
    place, line, station = next(plant.stations())
    lot_id = f"demo-{time.time_ns() // 1_000_000_000:x}"
    secret = state.secret(f"{station.camera_client}.client-secret")
    token = TokenSource(state.url("issuer"), station.camera_client, secret, (INSPECTION_SUBMIT,))
    channel = rpc.channel(f"127.0.0.1:{state.ports['preprocessing-grpc']}", max_message_bytes=16 << 20)
    operator = LineOperator(
        line.plc, state.root / "pki" / "operator", "operator", state.secret("plc-operator.password")
    )
    await operator.start()
    await token.authorization()  # a camera logs in when it is switched on, not with its first part
    try:
        with _progress(console, options.boards) as seen:
            player = Player(Camera(channel, token, place, lot_id), operator, options.rate, seen)
            record = await player.play(play)
    finally:
        await operator.stop()
        await channel.close()
        await token.close()
    async with _witness_bus(state) as bus:
        heard = await witness.hear(bus, lot_id, _WITNESS_S)
    keys = {order.key for order in heard.orders}
    orders = await witness.orders_in_the_mes(state.url("mes"), state.secret("mes.people-token"), keys, _WITNESS_S)
    result = summarize(record, heard, orders)
    await _show(options, state, record, result, console)
    return result


@contextlib.asynccontextmanager
async def _witness_bus(state: PlantState) -> AsyncIterator[Bus]:
    bus = Bus(state.url("nats"), "admin", state.secret("admin.nats-password"))
    await bus.start()
    try:
        yield bus
    finally:
        await bus.stop()


@contextlib.contextmanager
def _progress(console: Console, boards: int) -> Iterator["_Seen"]:
    columns = (
        SpinnerColumn(),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=console) as progress:
        yield _Seen(progress, boards)


class _Seen:
    """Shows after every board how things stand."""

    def __init__(self, progress: Progress, boards: int) -> None:
        self._progress = progress
        self._task = progress.add_task("", total=boards)

    def __call__(self, record: Record) -> None:
        outcomes = [answer.verdict.outcome for _, answer in record.answers]
        passed, failed = outcomes.count(verdict_pb2.OUTCOME_PASS), outcomes.count(verdict_pb2.OUTCOME_FAIL)
        unsure = len(outcomes) - passed - failed
        counts = f"[green]{passed} pass[/] [red]{failed} fail[/] [yellow]{unsure} ?[/]"
        text = f"{counts}  {record.phase}" + (f"  [bold red]line held {record.stops}x[/]" if record.stops else "")
        self._progress.update(self._task, completed=len(outcomes), description=text)


async def _show(options: Options, state: PlantState, record: Record, result: Summary, console: Console) -> None:
    telemetry.shutdown()  # our own spans belong to the waterfall
    failed = [(board, answer.verdict) for board, answer in record.answers if answer.verdict.defects]
    contact_sheet.draw(failed, options.sheet)
    if trace_id := result.figures["trace_id"]:
        console.print(waterfall.render(await _whole_trace(state, trace_id)))
    console.print(render(result.figures))
    console.print(f"The last bad boards: {options.sheet}")


async def _whole_trace(state: PlantState, trace_id: str) -> list[trace_store.Span]:
    """Every exporter sends in its own time: wait until all who took part have been heard, but not for ever."""
    for _ in range(round(_TRACE_S / _LOOK_S)):
        spans = list(trace_store.spans_of(state.root / "traces.db", trace_id))
        if {span.service for span in spans} >= _ON_THE_WAY:
            break
        await asyncio.sleep(_LOOK_S)
    return spans
