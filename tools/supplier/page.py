"""The report as one HTML file that needs nothing else: text, tables, and a chart drawn in SVG."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape

from tools.supplier.rate import CONFIDENCE, Tally
from tools.supplier.report import Report

_WIDTH, _HEIGHT, _LEFT, _TOP = 640, 200, 60, 20
_STYLE = (
    "body{font:15px sans-serif;max-width:52em;margin:2em auto;padding:0 1em}table{border-collapse:collapse}"
    "td,th{border:1px solid #ccc;padding:.2em .6em;text-align:right}td:first-child,th:first-child{text-align:left}"
    ".bad{background:#fadbd8}"
)
_CAVEATS = (
    "A part counts once, however often and wherever it was looked at; defective at one station is defective.",
    "Parts that nobody could judge clearly are listed as open and are in no rate.",
    "The intervals are exact for independent parts (Clopper and Pearson); defects in clusters make it less certain.",
    "Lots are marked at a confidence that holds for all of them together (Bonferroni), not for each alone.",
)


def page(report: Report) -> str:
    """The whole document."""
    title = f"{'Notice' if report.exceeds else 'Report'}: quality of parts from {escape(report.supplier)}"
    days = f"{min(report.days)} to {max(report.days)}" if report.days else "no parts"
    return "".join(
        (
            f"<!doctype html><html lang='en'><meta charset='utf-8'><title>{title}</title><style>{_STYLE}</style>",
            f"<h1>{title}</h1><p><b>{escape(report.sentence)}.</b></p><p>Parts judged {days} (UTC).</p>",
            f"<h2>Over time</h2>{chart(report)}",
            "<h2>Lots</h2>",
            _table("lot", report.lots, report.bad_lots),
            "<h2>Parts</h2>",
            _table("part number", report.materials, ()),
            "<h2>Kinds of defect</h2><table><tr><th>class<th>parts</tr>",
            *(f"<tr><td>{escape(label)}<td>{count}</tr>" for label, count in report.labels.items()),
            "</table><h2>How to read this</h2><ul>",
            *(f"<li>{escape(line)}</li>" for line in _CAVEATS),
            "</ul><p>Every part with its result and its inspections: parts.csv; every lot: lots.csv.</p></html>\n",
        )
    )


def chart(report: Report) -> str:
    """Rate per day with its interval, and the agreed rate (red), as SVG."""
    width, height = _WIDTH + _LEFT + 20, _HEIGHT + _TOP + 40
    most = max([report.agreed * 2, *(one.interval()[1] for one in report.days.values() if one.inspected)]) or 1.0
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" font-family="sans-serif" font-size="11">'
        f"<title>defect rate per day with {CONFIDENCE:.0%} interval</title>"
        + "".join(_drawing(report, most))
        + "</svg>"
    )


def _drawing(report: Report, most: float) -> Iterator[str]:
    bottom = _TOP + _HEIGHT

    def y(rate: float) -> float:
        return bottom - rate / most * _HEIGHT

    yield f'<rect x="{_LEFT}" y="{_TOP}" width="{_WIDTH}" height="{_HEIGHT}" fill="none" stroke="#ccc"/>'
    for rate in (0.0, most / 2, most):
        yield f'<text x="{_LEFT - 5}" y="{y(rate) + 4:.1f}" text-anchor="end">{rate:.2%}</text>'
    for at, (day, one) in enumerate(report.days.items()):
        x = _LEFT + (at + 0.5) / len(report.days) * _WIDTH
        low, high = one.interval() if one.inspected else (0.0, 0.0)
        yield f'<path d="M{x:.1f},{y(high):.1f} V{y(low):.1f}" stroke="#2471a3"/>'
        tip = f"<title>{day}: {one.defective} of {one.inspected}</title>"
        yield f'<circle cx="{x:.1f}" cy="{y(one.rate):.1f}" r="3" fill="#2471a3">{tip}</circle>'
    yield f'<path d="M{_LEFT},{y(report.agreed):.1f} h{_WIDTH}" stroke="#c0392b" stroke-dasharray="4 3"/>'
    yield f'<text x="{_LEFT + 4}" y="{y(report.agreed) - 4:.1f}" fill="#c0392b">agreed {report.agreed:.3%}</text>'
    if report.days:
        first, last = min(report.days), max(report.days)
        yield f'<text x="{_LEFT}" y="{bottom + 16}">{first}</text>'
        yield f'<text x="{_LEFT + _WIDTH}" y="{bottom + 16}" text-anchor="end">{last}</text>'


def _table(name: str, groups: Mapping[str, Tally], bad: Sequence[str]) -> str:
    return "".join(
        (
            f"<table><tr><th>{name}<th>inspected<th>defective<th>open<th>rate<th>{CONFIDENCE:.0%} interval</tr>",
            *_rows(groups, bad),
            "</table>",
        )
    )


def _rows(groups: Mapping[str, Tally], bad: Sequence[str]) -> Iterable[str]:
    for value, one in groups.items():
        low, high = one.interval()
        marked = ' class="bad"' if value in bad else ""
        numbers = f"<td>{one.inspected}<td>{one.defective}<td>{one.open}<td>{one.rate:.3%}"
        yield f"<tr{marked}><td>{escape(value) or '-'}{numbers}<td>{low:.3%} … {high:.3%}</tr>"
