"""What a plant may say about its SAP S/4HANA."""

from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import Field

from services.contracts.strict import Strict
from services.mes_connector.adapters.options import TimeZone
from services.mes_connector.adapters.vocabulary import Unmapped
from services.mes_connector.domain.progress import Status

Document = Literal["notification", "defect"]


class Options(Strict):
    """`url` ends before the service's name (…/sap/opu/odata/sap); the secret file holds `user:password`."""

    client: str = Field(default="", pattern=r"^(\d{3})?$")
    """The client (`sap-client`), three digits; empty: the system's default."""
    maintenance: Document = "notification"
    internal_quality: Document | None = None
    """None: such requests are refused. A look-up asks every service named here, so all of them must be active."""
    supplier_quality: Document | None = None
    notification_type: str = Field(default="M1", pattern=r"^[A-Z0-9]{2}$")
    technical_object: Literal["EAMS_EQUI", "EAMS_FL"] = "EAMS_EQUI"
    """Whether the mapped equipment is a piece of equipment or a functional location."""
    notification: dict[str, Any] = Field(default={})
    """Further fields of a notification (MaintenancePlanningPlant, MainWorkCenter …), as a template."""
    defect: dict[str, Any] = Field(default={})
    """Further fields of a defect (DefectCategory, Plant, DefectClass …), as a template."""
    defect_status: str = ""
    """The property of a defect that tells its status, where the release has one; empty: defects stay open."""
    defect_statuses: dict[str, Status] = Field(default={})
    """Its words: ours."""
    timezone: TimeZone = ZoneInfo("UTC")
    """The system's time zone: dates and times of day are its own."""
    unmapped: Unmapped = "pass"
    """Whether equipment without an entry in the mapping passes as it is."""
