"""The two SAP documents that a request may become, with the lengths and names of their properties.

API_MAINTNOTIFICATION (MaintenanceNotification) and API_DEFECT_SRV (A_Defect) of S/4HANA, by their public metadata.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from services.mes_connector.adapters.narrative import narrative, shortened
from services.mes_connector.adapters.sap_options import Options
from services.mes_connector.adapters.sap_wire import Entity, literal, unix
from services.mes_connector.adapters.vocabulary import Vocabulary
from services.mes_connector.domain.order import Order
from services.mes_connector.domain.progress import Status
from services.mes_connector.domain.work_request import BadRequest, WorkRequest

_REFERENCE, _TEXT = 20, 40  # MaintNotifExtReferenceNumber, NotificationText and DefectText
_SHORT_REFERENCE = 16  # leaves room for a title beside it
LONG_TEXT = 1333  # MaintNotifLongTextForEdit
_FIRST_TEXT = 800  # leaves room for comments
PRIORITIES = {1: "1", 2: "2", 3: "3", 4: "4"}
_PHASES = {
    "1": Status.OPEN,  # outstanding
    "2": Status.OPEN,  # postponed
    "3": Status.IN_PROGRESS,
    "4": Status.COMPLETED,
    "5": Status.CANCELLED,  # flagged for deletion
}


def reference(key: str) -> str:
    """Our reference in the 20 capital letters and digits that SAP has room for: 80 bits of its SHA-256."""
    return hashlib.sha256(key.encode()).hexdigest()[:_REFERENCE].upper()


@dataclass(frozen=True)
class Notification:
    """A maintenance notification; damage and cause are codes of the catalogue, mapped as GROUP/CODE."""

    options: Options
    service: str = "API_MAINTNOTIFICATION"
    entities: str = "MaintenanceNotification"
    key: str = "MaintenanceNotification"
    # What a probe asks for.
    checked: tuple[str, ...] = (
        "MaintNotifExtReferenceNumber",
        "NotificationType",
        "NotificationText",
        "MaintPriority",
        "TechnicalObject",
        "TechObjIsEquipOrFuncnlLoc",
        "MaintNotificationLongText",
        "MaintNotifLongTextForEdit",
        "NotifProcessingPhase",
        "LastChangeDateTime",
    )

    def filter(self, key: str) -> str:
        """The condition that finds our reference."""
        return f"MaintNotifExtReferenceNumber eq {literal(reference(key))}"

    def ours(self, entity: Entity, key: str) -> bool:
        """Whether the found one is really ours."""
        return entity.get("MaintNotifExtReferenceNumber") == reference(key)

    def body(self, request: WorkRequest, words: Vocabulary) -> dict[str, Any]:
        """The document. Raises BadRequest."""
        body: dict[str, Any] = {
            "NotificationType": self.options.notification_type,
            "NotificationText": request.title[:_TEXT],
            "MaintNotifLongTextForEdit": shortened(narrative(request), _FIRST_TEXT),
            "MaintPriority": words.priority(request, PRIORITIES),
            "TechnicalObject": words.equipment(request),
            "TechObjIsEquipOrFuncnlLoc": self.options.technical_object,
            "MaintNotifExtReferenceNumber": reference(request.key),
            **self._moment("MalfunctionStart", request.requested_at),
        }
        if request.due_at:
            body |= self._moment("RequiredEnd", request.due_at)
        if items := _items(request, words):
            body["to_Item"] = items
        return body

    def stand(self, entity: Entity) -> tuple[Status, float, str]:
        """Status, when it changed (Unix seconds; 0: unknown), and a remark."""
        status = _PHASES.get(str(entity.get("NotifProcessingPhase")), Status.OPEN)
        order = entity.get("MaintenanceOrder")
        return status, unix(entity.get("LastChangeDateTime")), f"maintenance order {order}" if order else ""

    def _moment(self, name: str, at: float) -> Mapping[str, str]:
        local = datetime.fromtimestamp(at, self.options.timezone)
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
        days_ms = int((midnight - datetime(1970, 1, 1)).total_seconds()) * 1000  # noqa: DTZ001  # a date has no zone
        return {f"{name}Date": f"/Date({days_ms})/", f"{name}Time": local.strftime("PT%HH%MM%SS")}


@dataclass(frozen=True)
class Defect:
    """A quality defect; our reference stands in front of its text, because it has no field for one."""

    options: Options
    service: str = "API_DEFECT_SRV"
    entities: str = "A_Defect"
    key: str = "DefectInternalID"
    checked: tuple[str, ...] = ("DefectText", "DefectCodeGroup", "DefectCode", "Material", "DefectiveQuantity")

    def filter(self, key: str) -> str:
        """The condition that finds our reference."""
        return f"startswith(DefectText,{literal(_mark(key))})"

    def ours(self, entity: Entity, key: str) -> bool:
        """Whether the found one is really ours."""
        return str(entity.get("DefectText")).startswith(_mark(key))

    def body(self, request: WorkRequest, words: Vocabulary) -> dict[str, Any]:
        """The document. Raises BadRequest."""
        group, code = _code(words.failure(request))
        body = {
            "DefectText": (_mark(request.key) + request.title)[:_TEXT],
            "DefectCodeGroup": group,
            "DefectCode": code,
            "Material": words.material(request),
            "Equipment": words.equipment(request) if self.options.technical_object == "EAMS_EQUI" else "",
            "FunctionalLocation": words.equipment(request) if self.options.technical_object == "EAMS_FL" else "",
        }
        body = {name: value for name, value in body.items() if value}
        return body | ({"NumberOfDefects": request.qty_defective} if request.qty_defective else {})

    def stand(self, entity: Entity) -> tuple[Status, float, str]:
        """Status, when it changed (Unix seconds; 0: unknown), and a remark."""
        word = str(entity.get(self.options.defect_status)) if self.options.defect_status else ""
        status = self.options.defect_statuses.get(word, Status.OPEN)
        if entity.get("IsDeleted") in (True, "X"):
            status = Status.CANCELLED
        return status, unix(entity.get("ChangedDateTime")), ""


Kind: TypeAlias = Notification | Defect


def _mark(key: str) -> str:
    return reference(key)[:_SHORT_REFERENCE] + " "


def _code(mapped: str) -> tuple[str, str]:
    """Group and code of the catalogue; ("", "") for a word of ours that nobody mapped to one."""
    group, slash, code = mapped.partition("/")
    return (group, code) if slash else ("", "")


def _items(request: WorkRequest, words: Vocabulary) -> list[dict[str, Any]]:
    item: dict[str, Any] = {}
    group, code = _code(words.failure(request))
    if code:
        item |= {"MaintNotifDamageCodeGroup": group, "MaintNotificationDamageCode": code}
    group, code = _code(words.cause(request))
    if code:
        item["to_ItemCause"] = [{"MaintNotifCauseCodeGroup": group, "MaintNotificationCauseCode": code}]
    return [{"MaintNotifItemText": request.defect_label[:_TEXT], **item}] if item else []


def kinds(options: Options) -> Mapping[str, Kind]:
    """The two by the names they have in the options."""
    return {"notification": Notification(options), "defect": Defect(options)}


def kind_of(options: Options, order: Order) -> str:
    """The name of the document that this order becomes. Raises BadRequest when the plant named none."""
    kind = order.request.kind.value
    name: str | None = getattr(options, kind)
    if name is None:
        raise BadRequest("kind", kind, f"say in mes.options.{kind} what it becomes")
    return name
