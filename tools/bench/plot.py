"""Throughput against latency, a line for each setting, as an SVG drawing that needs nothing but a browser."""

import math
from collections.abc import Iterator, Mapping, Sequence
from html import escape

Point = tuple[float, float, str]
"""Pictures a second, milliseconds, and what stands beside the point."""
_COLOURS = (
    "#c0392b",
    "#2471a3",
    "#2e8b57",
    "#e08a00",
    "#8e44ad",
    "#111111",
    "#7f8c1f",
    "#16a085",
    "#d35400",
    "#7f8c8d",
)
_WIDTH, _HEIGHT, _LEFT, _TOP, _LEGEND = 560, 340, 56, 20, 18
_STEPS = 5


def svg(lines: Mapping[str, Sequence[Point]], x_title: str, y_title: str) -> str:
    """Lines through their points; the upright axis is logarithmic. Down and to the right is better."""
    points = [point for line in lines.values() for point in line]
    scale = _Scale(max(x for x, _, _ in points) * 1.05, min(y for _, y, _ in points), max(y for _, y, _ in points))
    height = _TOP + _HEIGHT + 50 + _LEGEND * len(lines)
    width = _LEFT + _WIDTH + 30
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="#fff"/>'
        + "".join(_axes(scale, x_title, y_title))
        + "".join(_line(scale, number, *line) for number, line in enumerate(lines.items()))
        + "</svg>\n"
    )


class _Scale:
    """Where values lie on the drawing."""

    def __init__(self, most_x: float, least_y: float, most_y: float) -> None:
        self.most_x = most_x
        self.low, self.high = math.log10(least_y / 1.1), math.log10(most_y * 1.1)

    def x(self, value: float) -> float:
        return _LEFT + value / self.most_x * _WIDTH

    def y(self, value: float) -> float:
        return _TOP + _HEIGHT - (math.log10(value) - self.low) / (self.high - self.low) * _HEIGHT


def _axes(scale: _Scale, x_title: str, y_title: str) -> Iterator[str]:
    bottom = _TOP + _HEIGHT
    for step in range(_STEPS + 1):
        along = scale.most_x * step / _STEPS
        up = 10 ** (scale.low + (scale.high - scale.low) * step / _STEPS)
        yield f'<path d="M{scale.x(along):.1f},{_TOP} v{_HEIGHT} M{_LEFT},{scale.y(up):.1f} h{_WIDTH}" stroke="#ddd"/>'
        yield f'<text x="{scale.x(along):.1f}" y="{bottom + 16}" text-anchor="middle">{along:.0f}</text>'
        yield f'<text x="{_LEFT - 6}" y="{scale.y(up) + 4:.1f}" text-anchor="end">{up:.3g}</text>'
    yield f'<text x="{_LEFT + _WIDTH / 2}" y="{bottom + 36}" text-anchor="middle">{escape(x_title)}</text>'
    middle = _TOP + _HEIGHT / 2
    yield f'<text transform="translate(14,{middle}) rotate(-90)" text-anchor="middle">{escape(y_title)}</text>'


def _line(scale: _Scale, number: int, name: str, points: Sequence[Point]) -> str:
    colour, y = _COLOURS[number % len(_COLOURS)], _TOP + _HEIGHT + 56 + _LEGEND * number
    dash = ' stroke-dasharray="5 3"' if number >= len(_COLOURS) else ""
    corners = " L".join(f"{scale.x(x):.1f},{scale.y(ms):.1f}" for x, ms, _ in points)
    return (
        f'<path d="M{corners}" fill="none" stroke="{colour}" stroke-width="1.5"{dash}/>'
        + "".join(_point(scale.x(x), scale.y(ms), text, colour) for x, ms, text in points)
        + f'<path d="M{_LEFT},{y} h24" stroke="{colour}" stroke-width="2"{dash}/>'
        f'<text x="{_LEFT + 32}" y="{y + 4}">{escape(name)}</text>'
    )


def _point(x: float, y: float, text: str, colour: str) -> str:
    return (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>'
        f'<text x="{x + 5:.1f}" y="{y - 4:.1f}" fill="{colour}" font-size="10">{escape(text)}</text>'
    )
