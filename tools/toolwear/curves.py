"""One tool's life as an SVG drawing: the watched value, the wear, and where the order came."""

from collections.abc import Iterator, Sequence
from html import escape

from tools.toolwear.data import Life
from tools.toolwear.left_out import Outcome, Terms

_WIDTH, _HEIGHT, _LEFT, _TOP = 400, 150, 46, 24
_VALUE, _WEAR, _ORDER = "#2471a3", "#999", "#c0392b"


def svg(life: Life, outcome: Outcome, feature: str, terms: Terms) -> str:
    """Value (left axis, blue), wear (right axis, grey) with its limit, half of it dotted, and the order (red)."""
    width, height = _WIDTH + 2 * _LEFT, _TOP + _HEIGHT + 34
    title = f"tool {life.tool}: {feature}, order "
    title += "never" if outcome.fires_um is None else f"at {outcome.fires_s} s, {outcome.fires_um:.0f} µm"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" font-family="sans-serif" font-size="11"><rect width="100%" height="100%" fill="#fff"/>'
        f'<text x="{_LEFT}" y="15" font-weight="bold">{escape(title)}</text>'
        + "".join(_drawing(life, outcome, terms))
        + "</svg>"
    )


def _drawing(life: Life, outcome: Outcome, terms: Terms) -> Iterator[str]:
    bottom, most_um = _TOP + _HEIGHT, max(*life.wear_um, terms.limit_um) * 1.05
    low, high = min(life.values), max(life.values)
    yield f'<rect x="{_LEFT}" y="{_TOP}" width="{_WIDTH}" height="{_HEIGHT}" fill="none" stroke="#ccc"/>'
    for wear, dash in ((terms.limit_um, "none"), (terms.half_um, "3 3")):
        y = bottom - wear / most_um * _HEIGHT
        yield f'<path d="M{_LEFT},{y:.1f} h{_WIDTH}" stroke="{_WEAR}" stroke-dasharray="{dash}"/>'
        yield f'<text x="{_LEFT + _WIDTH + 4}" y="{y + 4:.1f}" fill="{_WEAR}">{wear:g} µm</text>'
    yield _line([wear / most_um for wear in life.wear_um], _WEAR)
    yield _line([(value - low) / ((high - low) or 1.0) for value in life.values], _VALUE)
    for value, y in ((low, bottom), (high, _TOP + 8)):
        yield f'<text x="{_LEFT - 4}" y="{y}" text-anchor="end" fill="{_VALUE}">{value:.4g}</text>'
    if outcome.fires_s is not None:
        x = _x(outcome.fires_s, len(life.values))
        yield f'<path d="M{x:.1f},{_TOP} v{_HEIGHT}" stroke="{_ORDER}" stroke-width="2"/>'
    yield f'<text x="{_LEFT + _WIDTH}" y="{bottom + 16}" text-anchor="end">{len(life.values)} s of cutting</text>'


def _line(shares: Sequence[float], colour: str) -> str:
    points = " ".join(
        f"{_x(at, len(shares)):.1f},{_TOP + _HEIGHT * (1 - share):.1f}" for at, share in enumerate(shares)
    )
    return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5"/>'


def _x(at: int, count: int) -> float:
    return _LEFT + at / max(1, count - 1) * _WIDTH
