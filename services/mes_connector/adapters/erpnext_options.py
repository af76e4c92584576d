"""What a plant may say about its ERPNext; which document each kind of request becomes, and with which fields."""

from collections.abc import Mapping
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import Field

from services.contracts.strict import Strict
from services.mes_connector.adapters.options import TimeZone
from services.mes_connector.adapters.vocabulary import Unmapped
from services.mes_connector.domain.progress import Status

DocType = Literal["Asset Repair", "Quality Inspection", "Non Conformance"]

FIELDS: Mapping[DocType, Mapping[str, Any]] = {
    "Asset Repair": {
        "asset": "{equipment}",
        "failure_date": "{local_time}",
        "repair_status": "Pending",
        "description": "{title}\n\n{narrative}",
    },
    "Quality Inspection": {
        "inspection_type": "In Process",
        "report_date": "{local_date}",
        "item_code": "{their_material}",
        "batch_no": "{lot_id}",
        "sample_size": "{qty_inspected}",
        "status": "Rejected",
        "remarks": "{title}\n\n{narrative}",
    },
    "Non Conformance": {"subject": "{title}", "status": "Open", "details": "{narrative_html}"},
}
"""What ERPNext 15 and 16 ask for, as far as a request can say it; `fields` of the plant file come on top."""

STATUS_FIELD: Mapping[DocType, str] = {
    "Asset Repair": "repair_status",
    "Quality Inspection": "docstatus",
    "Non Conformance": "status",
}
STATUSES: Mapping[DocType, Mapping[str, Status]] = {
    "Asset Repair": {"Pending": Status.OPEN, "Completed": Status.COMPLETED, "Cancelled": Status.CANCELLED},
    # An inspection is a draft until somebody stands by it: submitted is done.
    "Quality Inspection": {"0": Status.OPEN, "1": Status.COMPLETED, "2": Status.CANCELLED},
    "Non Conformance": {"Open": Status.OPEN, "Resolved": Status.COMPLETED, "Cancelled": Status.CANCELLED},
}
REMARK: Mapping[DocType, str] = {
    "Asset Repair": "actions_performed",
    "Quality Inspection": "status",
    "Non Conformance": "corrective_action",
}


class Document(Strict):
    """One kind of request in ERPNext."""

    doctype: DocType
    fields: dict[str, Any] = Field(default={})
    """Fields on top of the default ones; a Non Conformance needs its `procedure`, an inspection its reference."""


class Options(Strict):
    """`url` is the site's address; the secret file holds `api_key:api_secret` of a user with the rights to create."""

    maintenance: Document = Document(doctype="Asset Repair")
    internal_quality: Document | None = None
    """None: such requests are refused. A look-up asks for every doctype named here, so all of them must be ready."""
    supplier_quality: Document | None = None
    reference_field: str = Field(default="custom_vis_ref", pattern=r"^[a-z0-9_]{1,61}$")
    """The custom field of each document that carries our reference: Data, length 140, unique."""
    timezone: TimeZone = ZoneInfo("UTC")
    """The site's time zone: ERPNext's times carry none."""
    unmapped: Unmapped = "pass"
    """Whether equipment without an entry in the mapping passes as it is."""
