"""Our words in the plant system's own: its equipment numbers, priorities and catalogue codes, from the plant file."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields
from typing import Literal

from services.contracts.mes import Mes
from services.mes_connector.adapters.narrative import narrative, rfc3339
from services.mes_connector.domain.progress import Finding
from services.mes_connector.domain.work_request import BadRequest, WorkRequest

Unmapped = Literal["refuse", "pass"]
_TRANSLATED = ("equipment", "failure", "cause", "their_material", "their_supplier")
_PLACE = ("site", "line", "station")
_TOLD = ("narrative", "created", "priority_number")
NAMES = frozenset({field.name for field in fields(WorkRequest)} - {"place"} | {*_TRANSLATED, *_PLACE, *_TOLD})
"""What a template may ask for."""


class Vocabulary:
    """Translates single words; what nobody mapped passes as it is, unless the plant wants equipment `refuse`d."""

    def __init__(self, system: Mes, unmapped: Unmapped = "pass") -> None:
        self._mapping = system.mapping
        self._priorities: Mapping[str, str] = {str(ours): theirs for ours, theirs in system.mapping.priorities.items()}
        self._unmapped = unmapped

    def equipment(self, request: WorkRequest) -> str:
        """Their number of the equipment. Raises BadRequest for equipment that has none and may not pass."""
        if request.equipment_id not in self._mapping.equipment and self._unmapped == "refuse":
            fix = "add it to mes.mapping.equipment in the plant file"
            raise BadRequest("equipment_id", request.equipment_id, fix)
        return self._mapping.equipment.get(request.equipment_id, request.equipment_id)

    def priority(self, request: WorkRequest, defaults: Mapping[int, str]) -> str:
        """Their word for 1 critical .. 4 low; `defaults` are the system's own for a plant that maps none."""
        return self._priorities.get(str(request.priority), defaults[request.priority])

    def failure(self, request: WorkRequest) -> str:
        """Their catalogue code of the defect."""
        code = request.failure_code or request.defect_label
        return self._mapping.failures.get(code, code)

    def cause(self, request: WorkRequest) -> str:
        """Their catalogue code of the cause; empty: none stands out."""
        return self._mapping.causes.get(request.cause_code, request.cause_code)

    def material(self, request: WorkRequest) -> str:
        """Their number of the material."""
        return self._mapping.materials.get(request.material, request.material)

    def supplier(self, request: WorkRequest) -> str:
        """Their number of the supplier."""
        return self._mapping.suppliers.get(request.supplier, request.supplier)

    def values(self, request: WorkRequest) -> dict[str, object]:
        """Every word of a request by its name in NAMES, translated where mapped. Raises BadRequest."""
        own = asdict(request)
        del own["place"]
        return own | {
            "kind": request.kind.value,
            "site": request.place.site,
            "line": request.place.line,
            "station": request.place.station,
            "equipment": self.equipment(request),
            "priority": self._priorities.get(str(request.priority), request.priority),
            "priority_number": request.priority,
            "failure": self.failure(request),
            "cause": self.cause(request),
            "their_material": self.material(request),
            "their_supplier": self.supplier(request),
            "narrative": narrative(request),
            "created": rfc3339(request.requested_at),
        }

    def references(self) -> Iterator[tuple[str, str, str]]:
        """What a probe can look up there, as (field of the plant file, kind, their number)."""
        for kind in ("equipment", "materials", "suppliers"):
            for ours, theirs in getattr(self._mapping, kind).items():
                yield f"mes.mapping.{kind}.{ours}", kind, theirs

    def priorities(self, allowed: frozenset[str] | None = None) -> list[Finding]:
        """Whether each mapped priority is a word of theirs; `allowed`: all that there are, where that is known."""
        return [_priority(ours, theirs, allowed) for ours, theirs in self._priorities.items()]

    def numeric_priorities(self) -> list[Finding]:
        """The same, for a system whose priorities are numbers."""
        numbers = frozenset(word for word in self._priorities.values() if word.replace(".", "", 1).isdecimal())
        fix = "a number"
        return [
            found if found.good else Finding(found.what, good=False, detail=found.detail, fix=fix)
            for found in self.priorities(numbers)
        ]

    def classes(self) -> Iterator[tuple[str, str]]:
        """The mapped failure and cause codes, as (field of the plant file, their code)."""
        for kind in ("failures", "causes"):
            for ours, theirs in getattr(self._mapping, kind).items():
                yield f"mes.mapping.{kind}.{ours}", theirs


def _priority(ours: str, theirs: str, allowed: frozenset[str] | None) -> Finding:
    what = f"mes.mapping.priorities.{ours}"
    if allowed is not None and theirs not in allowed:
        fix = f"one of {', '.join(sorted(allowed))}"
        return Finding(what, good=False, detail=f"{theirs!r} is no priority there", fix=fix)
    return Finding(what, good=True, detail=theirs)
