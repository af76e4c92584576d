"""When a picture was taken, by the broker's clock, whatever the camera's clock says (R2)."""

from dataclasses import dataclass

LATE_S = 5.0
"""A part that was taken longer ago is marked: the rules do not take it for one of now."""
_AHEAD_S = 5.0


@dataclass(frozen=True)
class Arrival:
    """What the door made of a frame's times, in seconds of the epoch."""

    taken_at_s: float
    late: bool
    ahead_s: float
    """So far it says to be from the future; 0: within what is borne."""
    camera_skew_s: float | None
    """The camera's clock less the broker's; None: the camera does not say when it sends."""


def arrival(captured_at_s: float, sent_at_s: float, now_s: float) -> Arrival:
    """The two times of the camera's clock (0: not said) and the broker's clock now.

    A camera that says when it sends is asked only how old the picture is, so its clock may be anything. Without that,
    `captured_at_s` is believed; without both, the picture was taken when it came.
    """
    skew_s = sent_at_s - now_s if sent_at_s else None
    said_s = captured_at_s - (skew_s or 0.0) if captured_at_s else now_s
    taken_at_s = max(0.0, min(said_s, now_s))  # never after it came; and what is older than the epoch is only old
    ahead_s = said_s - now_s
    return Arrival(taken_at_s, now_s - taken_at_s > LATE_S, ahead_s if ahead_s > _AHEAD_S else 0.0, skew_s)
