"""The reliability diagram as an SVG drawing that needs nothing but a browser."""

from collections.abc import Iterator

import numpy as np

from tools.calibrate.band import Band, Count, counted
from tools.calibrate.isotonic import Fit, Reliability

_SIDE, _MARGIN = 360, 52
_BINS = 10


def svg(fit: Fit, scores: Reliability, band: Band, confidence: float) -> str:
    """What share of places with a score are defects: by tenths with their Wilson intervals, and as the fitted curve.

    The dashed diagonal is a score that is a probability already; the shaded strip is the band in which a person looks.
    """
    size = _SIDE + 2 * _MARGIN
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}" width="{size}" height="{size}">'
        "<style>text { font: 11px system-ui, sans-serif; fill: #555 }</style>"
        f'<rect width="{size}" height="{size}" fill="#fff"/>'
        + "".join((*_band(band), *_axes(), *_bins(scores, confidence)))
        + f'<path d="{_curve(fit)}" fill="none" stroke="#2471a3" stroke-width="2"><title>isotonic fit</title></path>'
        + "</svg>\n"
    )


def _x(score: float) -> float:
    return _MARGIN + score * _SIDE


def _y(share: float) -> float:
    return _MARGIN + (1 - share) * _SIDE


def _band(band: Band) -> Iterator[str]:
    width = max(1.0, _x(band.high) - _x(band.low))
    yield f'<rect x="{_x(band.low):.1f}" y="{_MARGIN}" width="{width:.1f}" height="{_SIDE}" fill="#fdebd0">'
    yield f"<title>inconclusive from {band.low:g} to {band.high:g}</title></rect>"


def _axes() -> Iterator[str]:
    for step in range(6):
        value = step / 5
        yield f'<path d="M{_x(value):.1f},{_MARGIN} v{_SIDE} M{_MARGIN},{_y(value):.1f} h{_SIDE}" stroke="#ddd"/>'
        yield f'<text x="{_x(value):.1f}" y="{_y(0) + 16:.1f}" text-anchor="middle">{value:g}</text>'
        yield f'<text x="{_MARGIN - 6}" y="{_y(value) + 4:.1f}" text-anchor="end">{value:g}</text>'
    yield f'<path d="M{_x(0)},{_y(0)} L{_x(1)},{_y(1)}" stroke="#aaa" stroke-dasharray="4 4"/>'
    middle = _MARGIN + _SIDE / 2
    yield f'<text x="{middle}" y="{_y(0) + 36:.1f}" text-anchor="middle">score</text>'
    yield f'<text transform="translate(14,{middle}) rotate(-90)" text-anchor="middle">share that are defects</text>'


def _bins(scores: Reliability, confidence: float) -> Iterator[str]:
    bins = np.minimum((scores.said * _BINS).astype(int), _BINS - 1)
    for number in range(_BINS):
        here = bins == number
        if not here.any():
            continue
        count = counted(int(scores.right[here].sum()), int(here.sum()), confidence)
        yield _point(float(scores.said[here].mean()), count, confidence)


def _point(score: float, count: Count, confidence: float) -> str:
    low, high = count.interval(confidence)
    return (
        f'<g><title>{count.number} of {count.of}</title><path d="M{_x(score):.1f},{_y(low):.1f} V{_y(high):.1f}" '
        f'stroke="#c0392b" stroke-width="1.5"/><circle cx="{_x(score):.1f}" cy="{_y(count.share):.1f}" r="3.5" '
        f'fill="#c0392b"/></g>'
    )


def _curve(fit: Fit) -> str:
    points = zip(fit.scores.tolist(), fit.probabilities.tolist(), strict=True)
    return "M" + " L".join(f"{_x(score):.1f},{_y(share):.1f}" for score, share in points)
