"""The adapter of a plant file, as the connector would open it."""

import time
from pathlib import Path

from services.chassis.errors import Invalid
from services.chassis.settings import read_secret
from services.contracts.mes import Mes
from services.contracts.plant import Plant
from services.mes_connector.adapters.systems import System, open_system
from services.mes_connector.domain.work_request import Cause, Kind, Link, Place, WorkRequest


def opened(mes: Mes, secret_file: Path | None, ca_file: Path | None, deadline_s: float) -> System:
    """Raises Invalid for a missing secret, or for options that the adapter cannot use."""
    needs_none = mes.adapter == "b2mml-file" and secret_file is None
    secret = "" if needs_none else read_secret(secret_file, "--secret-file")
    return open_system(mes, secret, deadline_s, ca_file)


def unsent(mes: Mes, ca_file: Path | None) -> System:
    """The adapter for previews, with a made-up secret: a preview shows none. Raises Invalid."""
    return open_system(mes, "dry:run", 1.0, ca_file)


def sample(plant: Plant, kind: Kind) -> WorkRequest:
    """A made-up request for the plant's first station. Raises Invalid for a plant without a defect class."""
    place, line, _ = next(plant.stations())
    if not (labels := plant.labels()):
        raise Invalid("no recipe knows a class", field="recipes", fix="give a recipe its tolerances")
    now = time.time()
    return WorkRequest(
        key="sample-0001",
        episode_id="sample",
        kind=kind,
        title=f"{labels[0]}: 5 parts in a row are defective at {place.line}/{place.station}",
        description="A sample of `jidoka mes dry-run`: nothing is wrong.",
        priority=2,
        equipment_id=f"{line.equipment_id}/{place.station}",
        place=Place(place.site, place.line, place.station),
        rule_id="sample",
        defect_label=labels[0],
        lot_id="LOT-1",
        first_part_sequence=11,
        last_part_sequence=15,
        inspection_ids=("i-11", "i-15"),
        trace_id="0" * 31 + "1",
        requested_at=now,
        failure_code=labels[0],
        cause_code="cavity",
        material="MATERIAL-1",
        supplier="SUPPLIER-1",
        qty_inspected=15,
        qty_defective=5,
        statistic=5,
        limit=5,
        scope=(("cavity", "7"),),
        causes=(Cause("cavity", "7", 0.82, "cavity 7: 5 of 5 defective parts, 1 part in 8"),),
        evidence=(Link("replay", "jidoka replay i-15"),),
        due_at=now + 86_400,
    )
