"""The alarm for parts that do not count in their turn: what rules pass over, a person must hear of (S12, R5)."""

from dataclasses import replace

from services.postprocessing.domain.order import BEFORE_RESUME, JUMPED, NUMBER_TAKEN
from services.postprocessing.domain.part import Part
from services.postprocessing.domain.rules.action import Action, Finding, What
from services.postprocessing.domain.rules.episodes import Fold, new, put
from services.postprocessing.domain.rules.rule import IGNORED_PARTS, Terms
from services.postprocessing.domain.rules.state import EpisodeKey, LineState

LASTS_S = 3_600.0
"""One alarm counts for so long; what goes on after that is told anew."""
_TERMS = Terms(warn=True)
_WHY = {
    NUMBER_TAKEN: "came under a number that was taken: two cameras with one identity, a count that began anew, or a"
    " frame that came after its turn; it is counted apart",
    JUMPED: "is numbered far ahead of the parts before it: a new count begins with it",
    BEFORE_RESUME: "came late and was taken before the resume, so it is not counted: a kept frame, or a slow clock",
}


def ignored(state: LineState, part: Part, why: str, line: str) -> Fold:
    """One more part that did not count in its turn: an alarm for the first, and again at 2, 4, 8, ..."""
    key: EpisodeKey = (IGNORED_PARTS, (part.station,), "")
    episode = state.episodes.get(key)
    detail = f"part {part.sequence} of lot {part.lot} at {part.station} {_WHY[why]}"
    if episode is None or part.judged_at_s - episode.opened_at_s > LASTS_S:
        finding = Finding(1.0, 1.0, detail, part.ref, part.ref, (part.ref,), part.judged_at_s)
        episode = new(line, IGNORED_PARTS, part, "", {"station": part.station}, part.inspection_id, _TERMS, finding)
    else:
        episode = replace(episode, fires=episode.fires + 1)
        finding = Finding(float(episode.fires), 1.0, detail, episode.first, part.ref, (part.ref,), part.judged_at_s)
    told = episode.fires & (episode.fires - 1) == 0
    actions = (Action(What.WARN, episode, finding, _TERMS, episode.fires),) if told else ()
    return put(state, key, episode), actions
