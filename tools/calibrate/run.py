"""One calibration: read, choose, say it in words and as lines for the recipe, draw it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.boards.board import LABELS
from tools.boards.deeppcb import DeepPcb
from tools.calibrate.band import Band, Count, Wanted, choose
from tools.calibrate.diagram import svg
from tools.calibrate.isotonic import Fit, as_is, cross_checked
from tools.calibrate.labelled import Part, read

_NMS_IOU = 0.5


@dataclass(frozen=True)
class Options:
    """What the command line asked for."""

    predictions: Path
    data: Path
    split: str
    max_miss: float
    max_false_alarm: float
    confidence: float
    by_class: bool
    diagram: Path | None


def run(options: Options) -> str:
    """The text to print. Raises BoardError, ValueError or OSError naming what is wrong."""
    wanted = Wanted(options.max_miss, options.max_false_alarm, options.confidence)
    parts = read(options.predictions, DeepPcb(options.data, options.split), _NMS_IOU)
    whole = choose(parts, wanted)
    bands = {label: _of_class(parts, label, wanted) for label in LABELS} if options.by_class else {}
    fit = Fit.of([place for part in parts for place in part.places])
    if options.diagram is not None:
        options.diagram.write_text(svg(fit, as_is(parts), whole, options.confidence), encoding="utf-8")
    return "\n".join([*_summary(parts, fit, whole, options.confidence), "", *recipe_lines(whole, bands)])


def recipe_lines(whole: Band, bands: Mapping[str, Band]) -> list[str]:
    """For a recipe of the plant file: the short form where all classes are alike."""
    if not bands:
        thresholds = ", ".join(f"{label}: {whole.high:g}" for label in LABELS)
        return [f"    thresholds: {{{thresholds}}}", f"    inconclusive_band: {whole.high - whole.low:.3g}"]
    rows = (
        f"      {label}: {{threshold: {band.high:g}, inconclusive_from: {band.low:g}}}"
        f"  # {_said(band.missed)} missed, {_said(band.false_alarms)} false"
        for label, band in bands.items()
    )
    return ["    classes:", *rows]


def _of_class(parts: Sequence[Part], label: str, wanted: Wanted) -> Band:
    try:
        return choose([part.of(label) for part in parts], wanted)
    except ValueError as error:
        raise ValueError(f"class {label}: {error}; or leave out --by-class") from None


def _summary(parts: Sequence[Part], fit: Fit, band: Band, confidence: float) -> list[str]:
    fitted, bare = cross_checked(parts), as_is(parts)
    low, high = fit([band.low, band.high]).tolist()
    sure = f"{confidence:.0%} sure: at most"
    calibration = (
        f"calibration error {fitted.error:.4f}, of the bare scores {bare.error:.4f}; Brier {fitted.brier:.5f} and "
        f"{bare.brier:.5f} (5 folds: no place is judged by a curve that has seen it)"
    )
    return [
        f"{len(parts)} parts, {band.missed.of} defects, {len(bare.said)} places named",
        calibration,
        f"probability of a defect: {low:.1%} at score {band.low:g}, {high:.1%} at score {band.high:g} (isotonic)",
        f"defects that PASS: {_said(band.missed)}; {sure} {band.missed.upper:.2%}",
        f"parts that FAIL for nothing: {_said(band.false_alarms)}; {sure} {band.false_alarms.upper:.2%}",
        f"parts for a person: {_range(band.to_a_person, confidence)}",
        f"were their defects mended, parts for a person: {_range(band.good_to_a_person, confidence)}",
    ]


def _said(count: Count) -> str:
    return f"{count.number} of {count.of}"


def _range(count: Count, confidence: float) -> str:
    low, high = count.interval(confidence)
    return f"{_said(count)} ({low:.1%} to {high:.1%})"
