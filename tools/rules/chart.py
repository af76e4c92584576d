"""An incident as an SVG drawing that needs nothing but a browser, and follows it into the dark."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from html import escape

from services.postprocessing.domain.part import Ref
from tools.rules.incident import Incident, Point
from tools.rules.statistic import Reading, axis

_WIDTH, _HEIGHT, _LEFT, _TOP = 840, 300, 70, 96
_BEFORE, _AFTER = 60, 30
"""Points that are drawn before and after the signal."""
_STYLE = (
    "svg{--paper:#fff;--ink:#222;--faint:#ddd;--value:#2471a3;--limit:#c0392b;--suspect:#fdebd0;"
    "font:12px system-ui,sans-serif}"
    "@media(prefers-color-scheme:dark){svg{--paper:#16191d;--ink:#dde1e5;--faint:#3a4046;--value:#6cb2e0;"
    "--limit:#ff8373;--suspect:#4a3a1e}}"
    "text{fill:var(--ink)}.paper{fill:var(--paper)}.suspect{fill:var(--suspect)}.grid{stroke:var(--faint)}"
    ".value{stroke:var(--value);fill:none;stroke-width:1.5}.part{fill:var(--value)}.outside{fill:var(--limit)}"
    ".limit{stroke:var(--limit);fill:none;stroke-dasharray:5 3}.signal{stroke:var(--limit);stroke-width:2}"
)


def svg(incident: Incident) -> str:
    """The statistic part by part, its limit (dashed), parts outside (red), the suspects (shaded) and the signal (line).

    Raises ValueError when none of the incident's parts has a value to draw.
    """
    points = _around(incident)
    if not any(point.drawn for point in points):
        raise ValueError(f"nothing of incident {incident.episode.id} is left to draw")
    width, height = _LEFT + _WIDTH + 30, _TOP + _HEIGHT + 62
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img"><title>{escape(_title(incident))}</title><style>{_STYLE}</style>'
        f'<rect class="paper" width="100%" height="100%"/>'
        + "".join(_drawing(incident, points, _Scale(points)))
        + "</svg>\n"
    )


class _Scale:
    """Where turns and values lie on the drawing."""

    def __init__(self, points: Sequence[Point]) -> None:
        drawn = [each for point in points if point.drawn for each in point.drawn if each is not None]
        self.least, self.most = min(0.0, *drawn), max(0.0, *drawn)
        self.spread = (self.most - self.least) * 1.08 or 1.0
        self.first, self.last = points[0].turn, points[-1].turn

    def x(self, turn: float) -> float:
        return _LEFT + (turn - self.first + 0.5) / (self.last - self.first + 1) * _WIDTH

    def y(self, value: float) -> float:
        return _TOP + _HEIGHT - (value - self.least) / self.spread * _HEIGHT


def _around(incident: Incident) -> list[Point]:
    """From well before the signal, and the first suspect, to somewhat after it, and the last suspect."""
    points = incident.points
    fired = _turn(points, incident.why.last)
    first, last = (_turn(points, ref) for ref in incident.suspects)
    drawn = [point.turn for point in points if point.drawn]
    before, after = [t for t in drawn if t < fired], [t for t in drawn if t > fired]
    begin = min(first, *before[-_BEFORE:][:1] or [fired])
    end = max(last, *after[:_AFTER][-1:] or [fired])
    return [point for point in points if begin <= point.turn <= end]


def _turn(points: Sequence[Point], ref: Ref) -> int:
    """When the part's turn was; of a part that this chart never saw: of the last one before it in its lot."""
    own = [point.turn for point in points if point.ref.lot == ref.lot and point.ref.sequence <= ref.sequence]
    return max(own, default=points[0].turn if points else 0)


def _title(incident: Incident) -> str:
    return f"Rule {incident.rule.id} at {incident.line}/{incident.episode.station}, incident {incident.episode.id}"


def _words(incident: Incident) -> Iterator[str]:
    why, (first, last) = incident.why, incident.suspects
    at = datetime.fromtimestamp(why.at_s, UTC).strftime("%Y-%m-%d %H:%M:%S")
    yield f"{incident.episode.label}: {why.detail}".removeprefix(": ")
    signal = f"signalled {at} UTC at {_name(why.last)}, statistic {why.statistic:.4g}, limit {why.limit:.4g}"
    yield f"{signal}; suspects {_name(first)} to {_name(last)}"


def _name(ref: Ref) -> str:
    return f"{ref.lot}/{ref.sequence}"


def _drawing(incident: Incident, points: Sequence[Point], scale: _Scale) -> Iterator[str]:
    yield f'<text x="{_LEFT}" y="22" font-weight="bold">{escape(_title(incident))}</text>'
    for number, line in enumerate(_words(incident)):
        yield f'<text x="{_LEFT}" y="{42 + 18 * number}" font-size="11">{escape(line)}</text>'
    first, last = (_turn(points, ref) for ref in incident.suspects)
    wide = scale.x(last + 0.5) - scale.x(first - 0.5)
    yield f'<rect class="suspect" x="{scale.x(first - 0.5):.1f}" y="{_TOP}" width="{wide:.1f}" height="{_HEIGHT}"/>'
    yield from _axes(incident, points, scale)
    drawn = [(scale.x(point.turn), point.drawn) for point in points if point.drawn]
    for bounds in ([(x, each.high) for x, each in drawn], [(x, each.low) for x, each in drawn]):
        yield _line("limit", [(x, scale.y(bound)) for x, bound in bounds if bound is not None])
    yield _line("value", [(x, scale.y(each.value)) for x, each in drawn])
    yield from (_part(point, point.drawn, scale) for point in points if point.drawn)


def _axes(incident: Incident, points: Sequence[Point], scale: _Scale) -> Iterator[str]:
    bottom, fired = _TOP + _HEIGHT, _turn(points, incident.why.last)
    for step in range(5):
        value = scale.least + (scale.most - scale.least) * step / 4
        yield f'<path class="grid" d="M{_LEFT},{scale.y(value):.1f} h{_WIDTH}"/>'
        yield f'<text x="{_LEFT - 6}" y="{scale.y(value) + 4:.1f}" text-anchor="end">{value:.3g}</text>'
    yield f'<path class="signal" d="M{scale.x(fired):.1f},{_TOP} v{_HEIGHT}"/>'
    yield f'<text x="{scale.x(fired):.1f}" y="{_TOP - 6}" text-anchor="middle">signal</text>'
    for point, anchor in ((points[0], "start"), (points[-1], "end")):
        edge = _LEFT if anchor == "start" else _LEFT + _WIDTH
        yield f'<text x="{edge}" y="{bottom + 18}" text-anchor="{anchor}">{escape(_name(point.ref))}</text>'
    middle = _LEFT + _WIDTH / 2
    yield f'<text x="{middle}" y="{bottom + 18}" text-anchor="middle">lot/part, in the order of the rules</text>'
    legend = "dashed: limit · red: outside · shaded: suspect parts"
    yield f'<text x="{middle}" y="{bottom + 42}" text-anchor="middle" font-size="11">{legend}</text>'
    up = f"translate(16,{_TOP + _HEIGHT / 2}) rotate(-90)"
    yield f'<text transform="{up}" text-anchor="middle">{escape(axis(incident.rule.chart))}</text>'


def _line(kind: str, corners: Sequence[tuple[float, float]]) -> str:
    return f'<path class="{kind}" d="M{" L".join(f"{x:.1f},{y:.1f}" for x, y in corners)}"/>' if corners else ""


def _part(point: Point, drawn: Reading, scale: _Scale) -> str:
    kind, radius = ("outside", 4) if point.outside else ("part", 2)
    tip = escape(f"{_name(point.ref)}: {drawn.value:.4g}, inspection {point.ref.inspection_id}")
    where = f'cx="{scale.x(point.turn):.1f}" cy="{scale.y(drawn.value):.1f}"'
    return f'<circle class="{kind}" {where} r="{radius}"><title>{tip}</title></circle>'
