"""A stand-in for SAP Gateway in front of S/4HANA: API_MAINTNOTIFICATION and API_DEFECT_SRV in OData V2.

S/4HANA cannot be had here. What is copied is what decides: basic authentication; a token against forged requests that
belongs to a session and is refused with `X-CSRF-Token: Required`; properties by name and length from the services'
public metadata, which of them may be written; ETags with If-Match (412, 428); `$filter` with eq and startswith,
`$select`; errors as SAP words them. What is not: catalogues, number ranges, the status network behind a phase.
"""

import base64
import itertools
import json
import re
from typing import Any

import httpx
from counterparts import DEADLINE_S, SECRET, Faults, section

from services.mes_connector import ports
from services.mes_connector.adapters.sap import open_sap

OPTIONS = {"internal_quality": "defect", "supplier_quality": "defect"}
URL = "https://s4.plant/sap/opu/odata/sap"
# Longest value of what may be written; 0: read only.
NOTIFICATION = {
    "MaintenanceNotification": 0,
    "NotificationType": 2,
    "NotificationText": 40,
    "MaintNotifLongTextForEdit": 1333,
    "MaintNotificationLongText": 0,
    "MaintPriority": 1,
    "TechnicalObject": 40,
    "TechObjIsEquipOrFuncnlLoc": 20,
    "MaintNotifExtReferenceNumber": 20,
    "MalfunctionStartDate": 30,
    "MalfunctionStartTime": 30,
    "RequiredEndDate": 30,
    "RequiredEndTime": 30,
    "MainWorkCenter": 8,
    "MaintenanceOrder": 12,
    "NotifProcessingPhase": 0,
    "LastChangeDateTime": 0,
    "to_Item": 9999,
}
DEFECT = {
    "DefectInternalID": 0,
    "DefectText": 40,
    "DefectCodeGroup": 8,
    "DefectCode": 4,
    "Material": 40,
    "Equipment": 18,
    "FunctionalLocation": 40,
    "NumberOfDefects": 9,
    "DefectiveQuantity": 9,
    "IsDeleted": 0,
    "ChangedDateTime": 0,
}
SETS = {
    "API_MAINTNOTIFICATION": ("MaintenanceNotification", "MaintenanceNotification", NOTIFICATION),
    "API_DEFECT_SRV": ("A_Defect", "DefectInternalID", DEFECT),
    "API_EQUIPMENT": ("Equipment", "Equipment", {"Equipment": 18}),
}


class Refused(Exception):
    def __init__(self, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.headers = status, code, headers or {}


class SapStandIn:
    """One system with one piece of equipment."""

    refusal = "does not exist"

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, dict[str, Any]]] = {service: {} for service in SETS}
        self.rows["API_EQUIPMENT"]["SMT1"] = {"Equipment": "SMT1"}
        self.numbers = itertools.count(10_000_001)
        self.session = 1
        self.faults = Faults(httpx.MockTransport(self.handle))
        self.mes = self.reopened()

    def reopened(self, *, secret: str = SECRET, deadline_s: float = DEADLINE_S, **changes: Any) -> ports.Mes:
        options = OPTIONS | changes.pop("options", {})
        return open_sap(section("sap", URL, options=options, **changes), secret, deadline_s, None, self.faults)

    def wrong_sections(self) -> list[dict[str, Any]]:
        return [
            {"mapping": {"equipment": {"jidoka/lyon": "NO-SUCH"}}},
            {"mapping": {"priorities": {"1": "very high"}}},
            {"mapping": {"failures": {"open": "D001"}}},
            {"options": {"notification": {"MainWorkCentre": "MECH"}}},
        ]

    async def references(self) -> list[str]:
        """The long text ends with our whole reference: the field for it is too short."""
        told = [row["MaintNotificationLongText"] for row in self.rows["API_MAINTNOTIFICATION"].values()]
        return [text.split("Reference: ")[1].split()[0] for text in told]

    async def comments(self, external_id: str) -> list[str]:
        _, *added = self._row(external_id)["MaintNotificationLongText"].split("Reference: ")[1].splitlines()
        return added

    async def complete(self, external_id: str) -> None:
        self._row(external_id)["NotifProcessingPhase"] = "4"

    async def cancel(self, external_id: str) -> None:
        self._row(external_id)["NotifProcessingPhase"] = "5"

    async def delete(self, external_id: str) -> None:
        del self.rows["API_MAINTNOTIFICATION"][external_id.partition("/")[2]]

    async def close(self) -> None:
        pass

    def end_sessions(self) -> None:
        """A restart of the application server: every token is void."""
        self.session += 1

    def _row(self, external_id: str) -> dict[str, Any]:
        return self.rows["API_MAINTNOTIFICATION"][external_id.partition("/")[2]]

    def handle(self, request: httpx.Request) -> httpx.Response:
        try:
            return self._answer(request)
        except Refused as refused:
            details = {"errordetails": [{"code": refused.code, "message": str(refused), "severity": "error"}]}
            message = {"lang": "en", "value": str(refused)}
            error = {"code": refused.code, "message": message, "innererror": details}
            return httpx.Response(refused.status, json={"error": error}, headers=refused.headers)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if request.headers.get("Authorization") != "Basic " + base64.b64encode(SECRET.encode()).decode():
            return httpx.Response(401, text="<html><title>Logon failed</title></html>")
        service, _, rest = request.url.path.removeprefix("/sap/opu/odata/sap/").partition("/")
        if service not in SETS:
            raise Refused(403, "/IWFND/MED/170", f"No service found for namespace '', name '{service}'")
        if request.method == "GET" and not rest:
            return self._root(request)
        if request.method != "GET":
            self._check_token(request)
        entities, key, properties = SETS[service]
        found = re.fullmatch(rf"{entities}(?:\('(.*)'\))?", rest)
        if not found:
            raise Refused(404, "/IWBEP/CM_MGW_RT/020", f"Resource not found for segment '{rest}'")
        if found[1] is not None:
            return self._single(request, service, found[1])
        if request.method == "POST":
            return self._create(request, service, key, properties)
        return self._list(request, service, properties)

    def _root(self, request: httpx.Request) -> httpx.Response:
        headers = {}
        if request.headers.get("X-CSRF-Token", "").lower() == "fetch":
            cookie = f"SAP_SESSIONID_S4H_100=session-{self.session}; path=/; secure; HttpOnly"
            headers = {"X-CSRF-Token": f"token-{self.session}", "Set-Cookie": cookie}
        return httpx.Response(200, json={"d": {"EntitySets": []}}, headers=headers)

    def _check_token(self, request: httpx.Request) -> None:
        token, cookie = request.headers.get("X-CSRF-Token"), request.headers.get("Cookie", "")
        if token != f"token-{self.session}" or f"session-{self.session}" not in cookie:
            required = {"X-CSRF-Token": "Required"}
            raise Refused(403, "005056A509B11EE1B9A8FEC11C21D78E", "CSRF token validation failed", required)

    def _create(self, request: httpx.Request, service: str, key: str, properties: dict[str, int]) -> httpx.Response:
        entity = json.loads(request.content)
        _check(entity, properties)
        for name in ("TechnicalObject", "Equipment"):
            if name in entity and entity[name] not in self.rows["API_EQUIPMENT"]:
                raise Refused(400, "IH/012", f"Equipment {entity[name]} does not exist")
        number = str(next(self.numbers))
        kept = {**entity, key: number, "IsDeleted": "", "etag": 1}
        if service == "API_MAINTNOTIFICATION":
            kept |= {"NotifProcessingPhase": "1", "LastChangeDateTime": "/Date(1795000000000+0000)/"}
            kept["MaintNotificationLongText"] = kept.pop("MaintNotifLongTextForEdit", "")
        self.rows[service][number] = kept
        return httpx.Response(201, json={"d": _shown(kept)})

    def _single(self, request: httpx.Request, service: str, number: str) -> httpx.Response:
        if (row := self.rows[service].get(number)) is None:
            raise Refused(404, "/IWBEP/CM_MGW_RT/021", "Resource not found")
        if request.method == "GET":
            return httpx.Response(200, json={"d": _shown(row)})
        if (condition := request.headers.get("If-Match")) is None:
            raise Refused(428, "/IWFND/CM_MGW/610", "Precondition required: If-Match header is missing")
        if condition not in ("*", _etag(row)):
            raise Refused(412, "/IWFND/CM_MGW/609", "Precondition failed")
        changes = json.loads(request.content)
        _check(changes, SETS[service][2])
        row["MaintNotificationLongText"] = changes.pop("MaintNotifLongTextForEdit", row["MaintNotificationLongText"])
        row |= changes | {"etag": row["etag"] + 1}
        return httpx.Response(204)

    def _list(self, request: httpx.Request, service: str, properties: dict[str, int]) -> httpx.Response:
        query = dict(request.url.params)
        for name in query.get("$select", "").split(",") if "$select" in query else []:
            if name not in properties:
                raise Refused(400, "005056A509B11EE1B9A8FEC11C23378E", f"Property {name} not found in type")
        rows = [_shown(row) for row in self.rows[service].values() if _holds(row, query.get("$filter", ""))]
        return httpx.Response(200, json={"d": {"results": rows[: int(query.get("$top", "100"))]}})


def _check(entity: dict[str, Any], properties: dict[str, int]) -> None:
    for name, value in entity.items():
        if name not in properties:
            raise Refused(400, "005056A509B11EE1B9A8FEC11C21578E", f"Property '{name}' is invalid")
        if not properties[name]:
            raise Refused(400, "/IWBEP/CM_MGW_RT/022", f"Property '{name}' may not be written")
        if isinstance(value, str) and len(value) > properties[name]:
            text = f"Property '{name}' at offset 1 has invalid value: longer than {properties[name]}"
            raise Refused(400, "005056A509B11EE1B9A8FEC11C21D78E", text)


def _holds(row: dict[str, Any], condition: str) -> bool:
    if equal := re.fullmatch(r"(\w+) eq '(.*)'", condition):
        return row.get(equal[1]) == equal[2].replace("''", "'")
    if starts := re.fullmatch(r"startswith\((\w+),'(.*)'\)", condition):
        return str(row.get(starts[1])).startswith(starts[2])
    return not condition


def _etag(row: dict[str, Any]) -> str:
    return f"W/\"'{row['etag']}'\""


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    metadata = {"__metadata": {"etag": _etag(row)}} if "etag" in row else {}
    return {name: value for name, value in row.items() if name != "etag"} | metadata
