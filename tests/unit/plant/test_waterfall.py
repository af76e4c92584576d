from pathlib import Path

from rich.console import Console

from tools.plant.trace_store import Span, TraceStore, latest, spans_of
from tools.plant.waterfall import render, render_list

BEGAN = 1_700_000_000_000_000_000


def span(
    span_id: str, parent: str, service: str, name: str, at_ms: float, took_ms: float, failed: bool = False
) -> Span:
    start = BEGAN + int(at_ms * 1e6)
    return Span("t" * 32, span_id, parent, service, name, start, start + int(took_ms * 1e6), failed)


TRACE = [
    span("d", "b", "inference", "InferRequest", 3, 12),
    span("a", "", "preprocessing", "Inspect", 0, 40),
    span("c", "a", "postprocessing", "Judge", 30, 8, failed=True),
    span("b", "a", "preprocessing", "infer", 2, 20),
    span("e", "gone", "opcua-bridge", "pause", 20, 20),
]


def text_of(renderable, width: int = 200) -> str:
    console = Console(width=width, record=True, force_terminal=False, file=Path("/dev/null").open("w"))  # noqa: SIM115
    console.print(renderable)
    console.file.close()
    return console.export_text()


def test_children_stand_under_their_parents_in_the_order_of_time():
    title, heads, *rows = text_of(render(TRACE)).splitlines()
    begins = heads.index("span")
    names = [row[begins : begins + len("    InferRequest")].rstrip() for row in rows]

    assert title == f"trace {'t' * 32}: 40.0 ms, 5 spans, 4 services"
    assert names == ["Inspect", "  infer", "    InferRequest", "  Judge ✗", "pause"]


def test_a_bar_begins_and_ends_where_the_work_did():
    lines = {line.split()[1]: line for line in text_of(render(TRACE)).splitlines()[2:]}
    left = lines["Inspect"].index("━")

    assert lines["Inspect"].count("━") == 60
    assert lines["pause"].index("━") - left == 30
    assert lines["pause"].count("━") == 30
    assert "3.00" in lines["InferRequest"]
    assert "12.00" in lines["InferRequest"]


def test_in_a_narrow_terminal_only_the_bars_become_shorter():
    lines = text_of(render(TRACE), width=80).splitlines()

    assert max(map(len, lines)) <= 80
    assert [line.count("━") for line in lines[2:]] == [29, 14, 9, 6, 14]
    assert "12.00" in lines[4]


def test_of_a_method_only_service_and_name_are_shown():
    text = text_of(render([span("a", "", "inference", "jidoka.model.v1.ModelService/ListModels", 0, 1)]))

    assert " ModelService/ListModels " in text


def test_spans_of_no_length_and_a_cycle_of_parents_still_draw():
    instant = [span("a", "b", "x", "one", 0, 0), span("b", "a", "x", "two", 0, 0), span("c", "", "x", "three", 0, 0)]

    assert "three" in text_of(render(instant))
    assert "unknown here" in text_of(render([]))


def test_the_list_names_services_and_the_newest_comes_first(tmp_path: Path):
    store = TraceStore(tmp_path / "t.db", keep_spans=100)
    store.add(TRACE)
    store.add([Span("u" * 32, "1", "", "gateway", "GET", BEGAN + 10**12, BEGAN + 10**12 + 5_000_000)])

    newest, older = latest(tmp_path / "t.db")
    assert latest(tmp_path / "t.db", service="postprocessing") == [older]

    assert newest.trace_id == "u" * 32
    assert older.services == ("inference", "opcua-bridge", "postprocessing", "preprocessing")
    assert (older.spans, older.failed) == (5, True)
    assert "40.0" in text_of(render_list([newest, older]))
    assert sorted(spans_of(tmp_path / "t.db", "t" * 32), key=lambda s: s.span_id) == sorted(
        TRACE, key=lambda s: s.span_id
    )
