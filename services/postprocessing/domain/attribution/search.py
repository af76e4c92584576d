"""The search for causes: by origin, by lot, by period, by place."""

from collections import defaultdict
from collections.abc import Sequence

from services.postprocessing.domain.attribution import period
from services.postprocessing.domain.attribution.cause import Cause, Search, Traced
from services.postprocessing.domain.attribution.groups import Found, Group, Name, worse
from services.postprocessing.domain.attribution.place import Place, places
from services.postprocessing.domain.attribution.stretch import coincides, is_stretch

_FAMILIES = 3
"""Origin, period and place share the chance of a false attribution."""
_ALIKE = 0.9
"""Groups whose parts are the same to this share cannot be told apart."""
_DEFAULT = Search()


def attribute(parts: Sequence[Traced], label: str | None = None, search: Search = _DEFAULT) -> tuple[Cause, ...]:
    """The causes of the defects with `label` (of all, without one) among the newest parts, the most certain first.

    `parts` are in the order of inspection; leave out those whose verdict was INCONCLUSIVE, they prove nothing.
    """
    parts = parts[-search.window :]
    spots = [[spot for spot in part.spots if label in {None, spot.label}] for part in parts]
    defective = frozenset(number for number, found in enumerate(spots) if found)
    if len(defective) < search.fewest:
        return ()
    alpha = search.alpha / _FAMILIES
    origins = {
        name: group
        for name, group in _origins(parts).items()
        if not is_stretch(group) or coincides(group, defective, len(parts))
    }
    groups = origins | period.phases(parts, defective, search)
    centres = [[spot.centre for spot in found if spot.centre] for found in spots if found]
    causes = [
        *(_cause(found, origins) for found in worse(groups, defective, alpha, search.fewest, period.shortest)),
        *(_place(place, search) for place in places(centres, alpha, search)),
    ]
    return tuple(sorted(causes, key=lambda cause: -cause.confidence))


def _origins(parts: Sequence[Traced]) -> dict[Name, Group]:
    found: defaultdict[Name, set[int]] = defaultdict(set)
    for number, part in enumerate(parts):
        for kind, value in (*part.origin.items(), ("lot", part.lot)):
            found[kind, value].add(number)
    scope = frozenset(range(len(parts)))
    return {name: Group(frozenset(group), scope, len(found)) for name, group in found.items()}


def _cause(found: Found, origins: dict[Name, Group]) -> Cause:
    kind, value = found.name
    if kind == period.KIND:
        every, phase = period.of(found.name)
        said = f"every {every}th part (sequence % {every} = {phase})"
        return Cause(kind, str(every), found.confidence, f"{said}: {found.split.counted}")
    twins = (name for name in sorted(origins.keys() - {found.name}) if _alike(origins[name], origins[found.name]))
    doubt = "".join(f"; {' '.join(twin)} has the same parts" for twin in twins)
    return Cause(kind, value, found.confidence, f"{kind} {value}: {found.split.counted}{doubt}")


def _place(place: Place, search: Search) -> Cause:
    (x, y), (width, height) = place.at, search.size_px
    pixels = width > 1
    where = f"x {x * width:.0f} y {y * height:.0f} px" if pixels else f"x {x:.2f} y {y:.2f}"
    about = f"{search.radius * max(width, height):.0f} px" if pixels else f"{search.radius:g}"
    evidence = f"{place.parts} of {place.of_parts} defective parts have it within {about} of {where} of the picture"
    return Cause("place", where, place.confidence, evidence)


def _alike(one: Group, other: Group) -> bool:
    return len(one.parts & other.parts) >= _ALIKE * len(one.parts | other.parts)
