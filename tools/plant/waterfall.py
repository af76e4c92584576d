"""One trace as a picture in text: who worked when, and for how long."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from tools.plant.trace_store import Span, Trace

_BAR_CELLS = (10, 60)
_COLOURS = ("cyan", "green", "magenta", "yellow", "blue", "bright_cyan", "bright_green", "bright_magenta")
_FIGURES = "    at ms  took ms  "


def render(spans: Sequence[Span]) -> RenderableType:
    """The waterfall of one trace's spans: service, name, offset and duration in ms, bar."""
    if not spans:
        return Text("no spans: the trace is unknown here, not yet exported (half a second) or forgotten")
    return _Waterfall(list(_in_tree_order(spans)))


@dataclass(frozen=True)
class _Waterfall:
    """Knows only when it is printed how much room the bars have."""

    rows: list[tuple[int, Span]]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        spans = sorted((span for _, span in self.rows), key=lambda span: span.start_ns)
        began_ns = spans[0].start_ns
        total_ns = max(max(span.end_ns for span in spans) - began_ns, 1)
        services = list(dict.fromkeys(span.service for span in spans))
        took = f"{total_ns / 1e6:.1f} ms, {len(spans)} spans, {len(services)} services"
        yield Text(f"trace {spans[0].trace_id}: {took}", style="bold")
        service_cells, name_cells = max(map(len, services)), max(len(_label(*row)) for row in self.rows)
        room = options.max_width - service_cells - name_cells - len(_FIGURES) - 1
        cells = min(max(room, _BAR_CELLS[0]), _BAR_CELLS[1])
        yield Text(f"{'service':{service_cells}} {'span':{name_cells}}{_FIGURES}", style="dim")
        for depth, span in self.rows:
            offset_ns, took_ns = span.start_ns - began_ns, span.end_ns - span.start_ns
            style = "red" if span.failed else _COLOURS[services.index(span.service) % len(_COLOURS)]
            row = Text(f"{span.service:{service_cells}} ", style, no_wrap=True, overflow="crop")
            row.append(f"{_label(depth, span):{name_cells}} {offset_ns / 1e6:8.2f} {took_ns / 1e6:8.2f}  ", "default")
            yield row.append(_bar(offset_ns, took_ns, total_ns, cells))


def _label(depth: int, span: Span) -> str:
    """Indented by depth; of a gRPC method only service and method."""
    name = span.name.rsplit(".", 1)[-1] if "/" in span.name else span.name
    return "  " * depth + name + (" ✗" if span.failed else "")


def _in_tree_order(spans: Sequence[Span]) -> Iterator[tuple[int, Span]]:
    """Children under their parents, earliest first; a span whose parent is not here stands at the left."""
    known = {span.span_id for span in spans}
    children: defaultdict[str, list[Span]] = defaultdict(list)
    for span in sorted(spans, key=lambda span: span.start_ns, reverse=True):
        children[span.parent_id if span.parent_id in known else ""].append(span)
    waiting = [(0, span) for span in children[""]]
    while waiting:
        depth, span = waiting.pop()
        yield depth, span
        waiting += [(depth + 1, child) for child in children[span.span_id]]


def _bar(offset_ns: int, took_ns: int, total_ns: int, cells: int) -> str:
    start = min(offset_ns * cells // total_ns, cells - 1)
    return " " * start + "━" * max(1, min(round(took_ns * cells / total_ns), cells - start))


def render_list(traces: Sequence[Trace]) -> RenderableType:
    """The latest traces, one a line."""
    table = Table("trace", "took ms", "spans", "services", box=None, pad_edge=False)
    for trace in traces:
        took = f"{(trace.end_ns - trace.start_ns) / 1e6:.1f}"
        style = "red" if trace.failed else ""
        table.add_row(trace.trace_id, took, str(trace.spans), " ".join(trace.services), style=style)
    return table
