"""From the camera to the held line, with every part real: one stop, one order, one trace, whatever dies on the way."""

import asyncio
import dataclasses

import pytest
from jidoka.line.v1 import line_pb2
from plant_line import Line, eventually, kill, until

from services.contracts import plant as plants
from tools.demo import script
from tools.demo.play import Record
from tools.plant import control, trace_store
from tools.rules.chart import svg
from tools.rules.incident import from_broker
from tools.simulators.line_operator import EXECUTE

pytestmark = pytest.mark.timeout(300)


def short_script(source, seed: int) -> script.Script:
    """A few good boards, a defect that keeps coming, a few good boards."""
    play = script.write(source, 20, seed)
    good = [source.good(n) for n in range(3)]
    return dataclasses.replace(play, before=good, after=good)


async def outcome(line: Line, lot_id: str, record: Record) -> line_pb2.PauseSettled:
    """Assert what must hold after every stretch of defects; returns the receipt of the pause."""
    heard = await line.hear(lot_id)
    acknowledged = {answer.verdict.inspection_id: answer.verdict for _, answer in record.answers}
    keys = {order.key for order in heard.orders}
    orders = await line.orders(keys)

    assert record.refused == []
    stored = {verdict.inspection_id: verdict for verdict in heard.verdicts}
    assert acknowledged.keys() <= stored.keys(), "acknowledged means durable"
    assert acknowledged == {known: stored[known] for known in acknowledged}, "what was answered is what is stored"
    assert len(heard.verdicts) == len({v.inspection_id for v in heard.verdicts}), "a verdict stands once"
    incidents = {request.episode_id: request.defect_label for request in heard.requested}
    assert len(incidents) == len(set(incidents.values())), "one run of one class is one incident"
    assert len(heard.confirmed()) == 1, "one confirmed pause"
    assert record.stops == 1, "the line stood once"
    assert keys == set(incidents)
    assert sorted(order["external_reference"] for order in orders) == sorted(keys), "one work order for each incident"
    return heard.confirmed()[0]


async def test_a_repeated_defect_holds_the_line_once_and_opens_one_order_in_one_trace(line: Line):
    play = short_script(line.source, 1)
    await line.register()
    executed = line.executed()
    lot_id, record = await line.play(play, rate=4)
    receipt = await outcome(line, lot_id, record)

    assert line.executed() == executed + 1
    assert line.operator.state == EXECUTE, "resumed by the operator"
    assert receipt.sent_at.ToNanoseconds() <= receipt.acknowledged_at.ToNanoseconds() <= receipt.held_at.ToNanoseconds()
    assert receipt.attempts == 1
    stop = await from_broker(line.state, plants.load(line.state.plant_file), receipt.episode_id)
    assert (stop.why.statistic, stop.why.last.lot) == (stop.why.limit, lot_id)
    assert "parts in a row are defective" in svg(stop)

    trace_id = (await line.hear(lot_id)).orders[0].trace_id
    database = line.state.root / "traces.db"

    async def services() -> set[str]:
        return {span.service for span in trace_store.spans_of(database, trace_id)}

    wanted = {"preprocessing", "postprocessing", "opcua-bridge", "mes-connector"}
    await eventually(services, wanted.issubset)
    edges = _edges(trace_store.spans_of(database, trace_id))
    for parent, child in (
        ("preprocessing", "postprocessing"),
        ("postprocessing", "opcua-bridge"),
        ("postprocessing", "mes-connector"),
    ):
        assert (parent, child) in edges, f"no edge {parent} -> {child} in {sorted(edges)}"
    await eventually(lambda: _seen_by_triton(line), lambda found: ("preprocessing", "triton") in found)


async def _seen_by_triton(line: Line) -> set[tuple[str, str]]:
    """Looked for in the traces of many parts: Triton's exporter loses one span in fifty, the last before a rest."""
    database = line.state.root / "traces.db"
    latest = trace_store.latest(database, 20, "triton")
    return set().union(*(_edges(trace_store.spans_of(database, found.trace_id)) for found in latest))


def _edges(spans) -> set[tuple[str, str]]:
    services = {span.span_id: span.service for span in spans}
    return {(services.get(span.parent_id, ""), span.service) for span in spans}


PARTS = (
    "preprocessing",
    "inference",
    "postprocessing",
    "opcua-bridge",
    "mes-connector",
    "gateway",
    "nats",
    "redis",
    "issuer",
    "traces",
    "mes",
    "plc-lyon-smt1",
)


@pytest.mark.parametrize("part", PARTS)
async def test_killing_any_part_in_the_middle_loses_no_verdict_and_doubles_no_action(line: Line, part: str):
    """The kill falls into the run of defects, when there is most to lose."""
    await line.register()
    killed: list[int] = []

    def strike(record: Record) -> None:
        if len(record.answers) == 6 and not killed:
            killed.append(kill(line.state, part))

    executed = line.executed()
    lot_id, record = await line.play(short_script(line.source, 2), rate=4, seen=strike)
    await outcome(line, lot_id, record)

    assert killed
    assert line.executed() == executed + 1, "the PLC has held once"
    await until(lambda: control.read_state(line.state.root).parts[part].pid not in {0, killed[0]})
    await until(lambda: control.read_state(line.state.root).parts[part].phase == "healthy")


async def test_killing_the_plants_own_supervisor_brings_everything_down_and_back_and_loses_nothing(line: Line, root):
    await line.register()
    killed: list[int] = []

    def strike(record: Record) -> None:
        if len(record.answers) == 6 and not killed:
            killed.append(line.state.pid)
            control.psutil.Process(line.state.pid).kill()

    watch = asyncio.create_task(control.watch(root, line.state.source, leashed=True))
    executed = line.executed()
    lot_id, record = await line.play(short_script(line.source, 3), rate=4, seen=strike)
    watch.cancel()
    await asyncio.gather(watch, return_exceptions=True)
    await outcome(line, lot_id, record)

    assert killed
    assert line.executed() == executed + 1
