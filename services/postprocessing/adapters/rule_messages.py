"""What the rules hear and say, to and from protobuf."""

from collections.abc import Sequence

from jidoka.frame.v1 import frame_pb2
from jidoka.line.v1 import line_pb2
from jidoka.measurement.v1 import measurement_pb2
from jidoka.verdict.v1 import verdict_pb2
from jidoka.workrequest.v1 import workrequest_pb2

from services.contracts.instant import timestamp
from services.postprocessing.domain.attribution import Cause, Spot, Traced
from services.postprocessing.domain.part import Found, Part
from services.postprocessing.domain.rules.action import Action, What

_PROVEN = {verdict_pb2.OUTCOME_PASS, verdict_pb2.OUTCOME_FAIL}


def part(message: verdict_pb2.Verdict) -> Part:
    """A verdict as the rules see it. A camera without a clock is believed to photograph when we judge.

    When the door says by the broker's clock when it was taken, that holds; cameras' clocks are often wrong (R2).
    """
    judged_at_s = message.judged_at.ToMicroseconds() / 1e6
    taken = next((getattr(message, name) for name in ("taken_at", "captured_at") if message.HasField(name)), None)
    return Part(
        station=message.station.station,
        inspection_id=message.inspection_id,
        lot=message.part.lot_id,
        sequence=message.part.part_sequence,
        previous_lot_parts=message.part.previous_lot_parts,
        defects=_found(message) if message.outcome in _PROVEN else None,
        captured_at_s=judged_at_s if taken is None else taken.ToMicroseconds() / 1e6,
        judged_at_s=judged_at_s,
        recipe=f"{message.recipe}:{message.recipe_version}",
        context=dict(message.context),
        late=message.late,
    )


def measured(message: measurement_pb2.Measurement) -> Part:
    """A measurement as the rules see it."""
    computed_at_s = message.computed_at.ToMicroseconds() / 1e6
    recorded = message.HasField("recorded_at")
    return Part(
        station=message.station.station,
        inspection_id=message.measurement_id,
        lot=message.part.lot_id,
        sequence=message.sequence,
        defects=None,
        captured_at_s=message.recorded_at.ToMicroseconds() / 1e6 if recorded else computed_at_s,
        judged_at_s=computed_at_s,
        context={"tool": message.tool} if message.tool else {},
        measurement=message.name,
        value=message.value,
    )


def traced(message: verdict_pb2.Verdict) -> Traced | None:
    """A verdict as the search for causes sees it, defects where they are on the golden template; INCONCLUSIVE: None."""
    if message.outcome not in _PROVEN:
        return None
    spots = tuple(Spot(defect.label, _centre(defect, message)) for defect in message.defects)
    return Traced(message.part.part_sequence, message.part.lot_id, spots, dict(message.context))


def _centre(defect: verdict_pb2.Defect, message: verdict_pb2.Verdict) -> tuple[float, float] | None:
    if defect.x2_px <= defect.x1_px:
        return None  # it has no place
    x_px, y_px = (defect.x1_px + defect.x2_px) / 2, (defect.y1_px + defect.y2_px) / 2
    return x_px - message.offset.x_px, y_px - message.offset.y_px


def _found(message: verdict_pb2.Verdict) -> dict[str, Found]:
    found: dict[str, Found] = {}
    for defect in message.defects:
        number, score, area_px2 = found.get(defect.label, (0, 0.0, 0.0))
        found[defect.label] = Found(number + 1, max(score, defect.score), area_px2 + defect.area_px2)
    return found


def pause_requested(action: Action, station: frame_pb2.StationPath) -> line_pb2.PauseRequested:
    """The pause request; its times are the verdict's, so a re-emission after a crash is no fresher than the first."""
    why = action.finding
    return line_pb2.PauseRequested(
        request_id=action.id,
        episode_id=action.episode.id,
        attempt=action.number,
        station=station,
        rule_id=action.episode.rule_id,
        defect_label=action.episode.label,
        text=_about(action),
        lot_id=why.last.lot,
        first_part_sequence=why.first.sequence,
        last_part_sequence=why.last.sequence,
        requested_at=timestamp(why.at_s),
        expires_at=timestamp(why.at_s + action.terms.pause_ttl_s),
        statistic=why.statistic,
        limit=why.limit,
    )


def work_requested(
    action: Action, station: frame_pb2.StationPath, causes: Sequence[Cause], equipment_id: str, trace_id: str
) -> workrequest_pb2.WorkRequested:
    """The order for an episode; the episode's id is the key, so one incident is one order."""
    why, episode = action.finding, action.episode
    supplier = action.what is What.SUPPLIER
    held = " The line was asked to hold." if episode.stops else ""
    return workrequest_pb2.WorkRequested(
        key=action.id,
        episode_id=episode.id,
        kind=workrequest_pb2.WORK_REQUEST_KIND_SUPPLIER_QUALITY
        if supplier
        else workrequest_pb2.WORK_REQUEST_KIND_MAINTENANCE,
        title=f"{_about(action)} at {station.line}/{station.station}",
        description=(
            f"Rule {episode.rule_id}: {_about(action)} at {station.line}/{station.station}, lot {why.last.lot}, "
            f"parts {why.first.sequence} to {why.last.sequence}"
            f" (statistic {why.statistic:.4g}, limit {why.limit:.4g}).{held}{_likely(causes)}"
        ),
        priority=action.terms.priority,
        due_at=timestamp(why.at_s + action.terms.due_h * 3600) if action.terms.due_h else None,
        equipment_id=f"{equipment_id}/{station.station}",
        station=station,
        rule_id=episode.rule_id,
        defect_label=episode.label,
        lot_id=why.last.lot,
        first_part_sequence=why.first.sequence,
        last_part_sequence=why.last.sequence,
        inspection_ids=[ref.inspection_id for ref in why.evidence],
        trace_id=trace_id,
        requested_at=timestamp(why.at_s),
        statistic=why.statistic,
        limit=why.limit,
        scope=dict(episode.scope),
        causes=_causes(causes),
    )


def warned(action: Action, station: frame_pb2.StationPath, causes: Sequence[Cause]) -> line_pb2.Warned:
    """A warning for the people at the line."""
    why = action.finding
    return line_pb2.Warned(
        warning_id=action.id,
        episode_id=action.episode.id,
        station=station,
        rule_id=action.episode.rule_id,
        defect_label=action.episode.label,
        text=f"{_about(action)}.{_likely(causes[:1])}" if causes else _about(action),
        scope=dict(action.episode.scope),
        statistic=why.statistic,
        limit=why.limit,
        lot_id=why.last.lot,
        first_part_sequence=why.first.sequence,
        last_part_sequence=why.last.sequence,
        inspection_ids=[ref.inspection_id for ref in why.evidence],
        warned_at=timestamp(why.at_s),
        causes=_causes(causes),
    )


def updated(action: Action, station: frame_pb2.StationPath) -> workrequest_pb2.WorkRequestUpdated:
    """News for whoever works on the order."""
    why = action.finding
    return workrequest_pb2.WorkRequestUpdated(
        key=action.episode.id,
        episode_id=action.episode.id,
        station=station,
        rule_id=action.episode.rule_id,
        defect_label=action.episode.label,
        signals=action.number,
        statistic=why.statistic,
        limit=why.limit,
        lot_id=why.last.lot,
        last_part_sequence=why.last.sequence,
        text=f"It goes on: {_about(action)}, {action.number} signals up to part {why.last.sequence}",
        updated_at=timestamp(why.at_s),
    )


def containment(action: Action, station: frame_pb2.StationPath) -> line_pb2.ContainmentDeclared:
    """The suspect range of a stop."""
    why = action.finding
    return line_pb2.ContainmentDeclared(
        episode_id=action.episode.id,
        revision=action.number,
        station=station,
        rule_id=action.episode.rule_id,
        defect_label=action.episode.label,
        first_lot_id=why.first.lot,
        first_part_sequence=why.first.sequence,
        last_lot_id=why.last.lot,
        last_part_sequence=why.last.sequence,
        held_at=timestamp(why.held_at_s),
    )


def _about(action: Action) -> str:
    """Class and group first: "open, cavity 7: 5 parts in a row are defective"."""
    shared = [f"{key} {value}" for key, value in action.episode.scope.items() if key != "station"]
    subject = ", ".join([action.episode.label or "", *shared]).strip(", ")
    return f"{subject}: {action.finding.detail}" if subject else action.finding.detail


def _causes(causes: Sequence[Cause]) -> list[workrequest_pb2.Cause]:
    return [
        workrequest_pb2.Cause(kind=cause.kind, value=cause.value, confidence=cause.confidence, evidence=cause.evidence)
        for cause in causes
    ]


def _likely(causes: Sequence[Cause]) -> str:
    """In words: "Likely: cavity 7: 12 of 14 defective parts, 1 part in 8 (82 %)."."""
    said = "; ".join(f"{cause.evidence} ({100 * cause.confidence:.0f} %)" for cause in causes)
    return f" Likely: {said}." if said else ""
