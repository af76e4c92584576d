"""Why a window cannot be believed. A number of a broken sensor would look like a healthy tool, for months."""

from typing import NamedTuple

import numpy as np

from services.measurement.domain.window import Samples, Window


class Fault(NamedTuple):
    """What is wrong: a short stable `reason` for the metrics, then for people the field, the finding and the fix."""

    reason: str
    field: str
    what: str
    fix: str


class Span(NamedTuple):
    """How many samples a window has, the measuring range (unit of the samples), and whether it may stand still."""

    samples: int
    low: float
    high: float
    steady: bool


class Last(NamedTuple):
    """The newest window of a sensor."""

    window_id: str
    digest: str
    tool: str
    lot_id: str
    sequence: int
    recorded_at_s: float


def of_samples(samples: Samples, span: Span, field: str, max_clipped: int) -> Fault | None:
    """What is wrong with one channel: length, not a number, beyond the range, clipped, dead."""
    if len(samples) != span.samples:
        return Fault("length", field, f"has {len(samples)} samples", f"send windows of {span.samples}")
    if not np.isfinite(samples).all():
        first = int(np.argmin(np.isfinite(samples)))
        return Fault("not-a-number", field, f"sample {first} is {samples[first]}", "check the converter and its cable")
    clipped = int(np.count_nonzero((samples <= span.low) | (samples >= span.high)))
    if clipped > max_clipped:
        what = f"{clipped} samples lie at an end of the range {span.low:g} to {span.high:g} or beyond"
        return Fault("saturated", field, what, "lower the amplifier's gain, or mend the range in the plant file")
    if not span.steady and samples.min() == samples.max():
        what = f"all samples are {samples[0]:g}: the sensor is dead or disconnected"
        return Fault("dead", field, what, "check sensor, cable and supply")
    return None


def of_sequence(last: Last, window: Window, *, moves: bool) -> Fault | None:
    """What is wrong with a window after the one before it: an id used twice, a frozen buffer, a count begun anew.

    `moves`: not all that the sensor measures may stand still, so that no two windows are alike.
    """
    if window.window_id == last.window_id:
        if window.digest == last.digest:
            return None  # sent again, as it should be
        return Fault("reused-id", "window.window_id", "had other samples before", "give each window an id of its own")
    if moves and window.digest == last.digest:
        fix = "is the sensor's buffer still being filled?"
        return Fault("frozen", "window.channels", f"are the very samples of window {last.window_id}", fix)
    newer = window.recorded_at_s > last.recorded_at_s
    counts = window.sequence > 0 and (window.tool, window.part.lot_id) == (last.tool, last.lot_id)
    if counts and newer and window.sequence <= last.sequence:
        # The rules would take it for a repetition and ignore it, with all that follow.
        what = f"is {window.sequence} after {last.sequence} for the same lot and tool"
        return Fault("recount", "window.sequence", what, "count on, begin a new lot, or send 0: not counted")
    return None


def newest(last: Last | None, window: Window) -> Last:
    """What to remember: a window that was kept back and comes late is not the newest."""
    if last is not None and window.recorded_at_s < last.recorded_at_s:
        return last
    tool, lot_id = window.tool, window.part.lot_id
    return Last(window.window_id, window.digest, tool, lot_id, window.sequence, window.recorded_at_s)
