"""What a station is doing, in the states of OPC 40100-1, told from what the mesh says about it."""

from enum import Enum


class VisionState(Enum):
    """State of a vision system; the last two are states of AutomaticMode within Operational."""

    PREOPERATIONAL = "Preoperational"
    ERROR = "Error"
    READY = "Ready"
    CONTINUOUS = "ContinuousExecution"


def vision_state(*, mesh_away: bool, silent: bool, idle_s: float, idle_after_s: float) -> VisionState:
    """The state of a station, once the mesh has been heard; until then it is Preoperational.

    `silent`: the mesh noticed that parts pass and no verdict comes, so that camera or model are missing. `idle_s`:
    seconds since the last verdict.
    """
    if why_error(mesh_away=mesh_away, silent=silent):
        return VisionState.ERROR
    return VisionState.CONTINUOUS if idle_s <= idle_after_s else VisionState.READY


def why_error(*, mesh_away: bool, silent: bool) -> str:
    """One sentence for the operator at SCADA; empty: no error."""
    if mesh_away:
        return "the broker is away, so that nobody knows what this station sees: bring it back"
    return "parts pass and no verdict comes: look at camera, model and inference" if silent else ""
