"""The report: its figures as JSON, or as one HTML file that carries its pictures and the same JSON with it."""

import base64
import json
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Any

from tools.evaluate import curves

Figures = dict[str, Any]
_ZOOM = 0.9
_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; max-width: 1000px; margin: 2em auto; padding: 0 1em; color: #222 }
h2 { margin-top: 2em } table { border-collapse: collapse } text { font-size: 11px; fill: #555 }
th, td { padding: .25em .8em; text-align: right; border-bottom: 1px solid #ddd } th:first-child { text-align: left }
figure { display: inline-block; width: 460px; margin: 0 1em 1.5em 0; vertical-align: top } img { width: 100% }
.note { color: #666 }
"""
_GOOD = {
    "same": "the golden image itself",
    "shifted": "shifted 1 to 3 px",
    "recompressed": "JPEG, quality 40 to 90",
    "retaken": "shifted and JPEG",
    "all": "all",
}


def write(path: Path, figures: Figures, pictures: Sequence[bytes]) -> None:
    """As HTML when the name says so, else as JSON. Raises OSError."""
    path.write_text(as_html(figures, pictures) if path.suffix == ".html" else as_json(figures), encoding="utf-8")


def as_json(figures: Figures) -> str:
    """For machines."""
    return json.dumps(figures, indent=1) + "\n"


def as_html(figures: Figures, pictures: Sequence[bytes]) -> str:
    """For people; `pictures` are the PNGs of `figures["worst"]`."""
    sections = (
        ("In short", _short(figures)),
        ("By class", _classes(figures)),
        ("Precision and recall", _curves(figures)),
        ("False alarms on good boards", _good(figures)),
        ("Time", _time(figures)),
        ("Worst cases", _worst(figures, pictures)),
    )
    body = "".join(f"<section><h2>{title}</h2>{content}</section>" for title, content in sections)
    carried = json.dumps(figures).replace("<", "\\u003c")  # a file name must not end the script
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Jidoka: evaluation</title>'
        f"<style>{_STYLE}</style></head><body><h1>Evaluation through the served path</h1>{body}"
        f'<script type="application/json" id="figures">{carried}</script></body></html>\n'
    )


def _short(figures: Figures) -> str:
    model, at = figures["model"], figures["at_threshold"]["iou33"]
    rows = {
        "pictures / defects": f"{figures['images']} / {figures['defects']}",
        "model": f"{model['name']} {model['version']}, {model['digest'][:12]}",
        "threshold": f"{figures['threshold']}",
        "mean AP at IoU 0.33": _share(figures["map33"]),
        "pooled AP at IoU 0.33": _share(figures["pooled_ap33"]),
        "mAP50": _share(figures["map50"]),
        "mAP50:95": _share(figures["map50_95"]),
        "precision": _share(at["precision"]),
        "recall": _share(at["recall"]),
        "F": _share(at["f"]),
        "recall, any class": _share(at["recall_any_class"]),
        "F at IoU 0.5": _share(figures["at_threshold"]["iou50"]["f"]),
        "good boards with an alarm": _share(figures["false_alarms"]["all"]["share"]),
        "pictures that the quality gate refuses": str(figures["refused_pictures"]),
    }
    return _table(("", ""), rows.items()) + f'<p class="note">{escape(figures["suppression"])}</p>'


def _classes(figures: Figures) -> str:
    shares = ("ap33", "ap50", "ap50_95", "precision", "recall", "f")
    rows = (
        (label, str(row["defects"]), *(_share(row[name]) for name in shares))
        for label, row in figures["classes"].items()
    )
    return _table(("class", "defects", "AP 0.33", "AP 0.5", "AP 0.5:0.95", "precision", "recall", "F"), rows)


def _curves(figures: Figures) -> str:
    found = figures["curves"]
    return f"<p>{curves.legend(list(found))}</p>{curves.svg(found)}{curves.svg(found, _ZOOM)}"


def _good(figures: Figures) -> str:
    rows = (
        (_GOOD[kind], str(row["boards"]), str(row["alarmed"]), _share(row["share"]))
        for kind, row in figures["false_alarms"].items()
    )
    return _table(("golden image against itself", "boards", "with an alarm", "share"), rows)


def _time(figures: Figures) -> str:
    rows = ((stage, *(f"{ms:.2f}" for ms in row.values())) for stage, row in figures["latency_ms"].items())
    return _table(("ms a picture, one after the other", "p50", "p95", "p99"), rows)


def _worst(figures: Figures, pictures: Sequence[bytes]) -> str:
    drawn = zip(figures["worst"], pictures, strict=True)
    legend = '<p class="note">Green: right. Red: wrong alarm. Orange: missed defect.</p>'
    return legend + "".join(_figure(case, png) for case, png in drawn) if pictures else "<p>No mistake was made.</p>"


def _figure(case: dict[str, Any], png: bytes) -> str:
    said = f"missed: {', '.join(case['missed']) or 'nothing'}; wrong: {', '.join(case['wrong']) or 'nothing'}"
    source = f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}"
    return f'<figure><img src="{source}" alt=""><figcaption>{escape(case["image"])}<br>{said}</figcaption></figure>'


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    lines = ("<tr>" + "".join(f"<{tag}>{escape(c)}</{tag}>" for tag, c in _tagged(row)) + "</tr>" for row in rows)
    return f"<table><tr>{top}</tr>{''.join(lines)}</table>"


def _tagged(row: Iterable[str]) -> Iterable[tuple[str, str]]:
    return (("td" if column else "th", cell) for column, cell in enumerate(row))


def _share(share: float) -> str:
    return f"{share:.2%}"
