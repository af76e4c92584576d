"""Precision-recall curves as an SVG drawing that needs nothing but a browser."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape

Curve = Sequence[tuple[float, float]]
_COLOURS = ("#c0392b", "#e08a00", "#2e8b57", "#2471a3", "#8e44ad", "#7f8c1f", "#111111")
_SIDE, _MARGIN = 320, 44


def svg(curves: Mapping[str, Curve], low: float = 0.0) -> str:
    """The curves as (recall, precision) corners; axes from `low` to 1, which shows what good models differ in."""
    size = _SIDE + 2 * _MARGIN
    return (
        f'<svg class="curve" viewBox="0 0 {size} {size}" width="{size}" height="{size}" role="img">'
        + "".join(_axes(low))
        + f'<svg x="{_MARGIN}" y="{_MARGIN}" width="{_SIDE}" height="{_SIDE}">'
        + "".join(
            f'<path d="{path(curve, low)}" fill="none" stroke="{colour}" stroke-width="{3 if name == "all" else 1.5}">'
            f"<title>{escape(name)}</title></path>"
            for (name, curve), colour in zip(curves.items(), _COLOURS, strict=False)
        )
        + "</svg></svg>"
    )


def legend(names: Sequence[str]) -> str:
    """Which colour is which curve."""
    pairs = zip(names, _COLOURS, strict=False)
    return " ".join(f'<span style="color:{colour}">&#9644;&nbsp;{escape(name)}</span>' for name, colour in pairs)


def path(curve: Curve, low: float = 0.0) -> str:
    """SVG path commands: precision stays what it was up to each corner's recall, then falls."""
    points, reached = [], 0.0
    for recall, precision in curve:
        points += [(reached, precision), (recall, precision)]
        reached = recall
    points.append((reached, 0.0))
    return "M" + " L".join(f"{_at(x, low):.1f},{_SIDE - _at(y, low):.1f}" for x, y in points)


def _at(value: float, low: float) -> float:
    return (value - low) / (1 - low) * _SIDE


def _axes(low: float) -> Iterator[str]:
    for step in range(6):
        value = low + step * (1 - low) / 5
        along, label = _at(value, low) + _MARGIN, f"{value:.4g}"
        up = _SIDE + 2 * _MARGIN - along
        yield f'<path d="M{along:.1f},{_MARGIN} v{_SIDE} M{_MARGIN},{up:.1f} h{_SIDE}" stroke="#ddd"/>'
        yield f'<text x="{along:.1f}" y="{_SIDE + _MARGIN + 16}" text-anchor="middle">{label}</text>'
        yield f'<text x="{_MARGIN - 6}" y="{up + 4:.1f}" text-anchor="end">{label}</text>'
    middle = _MARGIN + _SIDE / 2
    yield f'<text x="{middle}" y="{_SIDE + 2 * _MARGIN - 8}" text-anchor="middle">recall</text>'
    yield f'<text transform="translate(10,{middle}) rotate(-90)" text-anchor="middle">precision</text>'
