"""SAP S/4HANA over OData V2: a maintenance notification or a quality defect per kind of request.

A notification carries our reference as its external reference number, a defect in front of its text. SAP has no unique
constraint on either: before a repeat the look-up decides, after the wait that the outbox keeps for a system that did
not answer. An order's number is `<entity set>/<number>`.
"""

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx

from services.chassis.errors import Invalid
from services.contracts.mes import Mes
from services.mes_connector.adapters.http import Http, legible
from services.mes_connector.adapters.one_by_one import one_by_one
from services.mes_connector.adapters.options import options_of
from services.mes_connector.adapters.over_http import OverHttp
from services.mes_connector.adapters.preview import json_preview
from services.mes_connector.adapters.sap_entity import LONG_TEXT, Kind, kind_of, kinds
from services.mes_connector.adapters.sap_examine import examine
from services.mes_connector.adapters.sap_options import Options
from services.mes_connector.adapters.sap_wire import Gateway
from services.mes_connector.adapters.template import Template
from services.mes_connector.adapters.vocabulary import NAMES, Vocabulary
from services.mes_connector.domain.answer import Answer, Outcome
from services.mes_connector.domain.order import Order
from services.mes_connector.domain.progress import Filed, Finding, Note, Polled, Preview, Progress, Status

_CHANGED_MEANWHILE = "PATCH: 412"
_TRIES = 2  # somebody may have the notification open: once more with what they left


def open_sap(
    system: Mes,
    secret: str,
    deadline_s: float,
    ca_file: Path | None,
    transport: httpx.AsyncBaseTransport | None = None,
) -> "Sap":
    """The adapter for this system. Raises Invalid for a secret or options that cannot be used."""
    if ":" not in secret:
        raise Invalid("is no pair", field="mes secret", fix="user:password of a communication user in the secret file")
    token = base64.b64encode(secret.encode()).decode()
    headers = {"Authorization": f"Basic {token}", "Accept": "application/json"}
    secrets = [secret, token, secret.partition(":")[2]]
    return Sap(system, Http(deadline_s, ca_file, headers=headers, secrets=secrets, transport=transport))


class Sap(OverHttp):
    """One S/4HANA system."""

    def __init__(self, system: Mes, http: Http) -> None:
        super().__init__(http)
        self._options = options = options_of(system, Options)
        self._url = system.url.rstrip("/")
        self._gateway = Gateway(system.url, http, options.client)
        self._vocabulary = Vocabulary(system, options.unmapped)
        self._kinds = kinds(options)
        self._extra = {
            "notification": Template(options.notification, NAMES, "mes.options.notification"),
            "defect": Template(options.defect, NAMES, "mes.options.defect"),
        }

    async def progress(self, orders: Sequence[Filed]) -> Polled:
        """Ask for each document by its number."""
        return await one_by_one(orders, self._stand)

    async def probe(self) -> Answer:
        """Ask the first service that we need for its own document."""
        reply = await self._gateway.root(self._used()[0].service)
        return reply if isinstance(reply, Answer) else Answer(Outcome.OPENED)

    async def examine(self) -> Sequence[Finding]:
        """Credentials, then each service with its properties, then every reference of the mapping."""
        return await examine(await self.probe(), self._gateway, self._fields(), self._options, self._vocabulary)

    def preview(self, order: Order) -> Preview:
        """The document as it would be posted. Raises BadRequest."""
        kind = self._kinds[kind_of(self._options, order)]
        return json_preview("POST", f"{self._url}/{kind.service}/{kind.entities}", self._filled(order))

    def _used(self) -> list[Kind]:
        names = (self._options.maintenance, self._options.internal_quality, self._options.supplier_quality)
        return [self._kinds[name] for name in dict.fromkeys(names) if name]

    def _fields(self) -> list[tuple[Kind, list[str]]]:
        extra = {self._kinds[name].service: sorted(template.keys) for name, template in self._extra.items()}
        return [(kind, [*kind.checked, *extra[kind.service]]) for kind in self._used()]

    def _filled(self, order: Order) -> dict[str, Any]:
        name = kind_of(self._options, order)
        own = self._kinds[name].body(order.request, self._vocabulary)
        return own | self._extra[name].fill(self._vocabulary.values(order.request))

    async def _create(self, order: Order) -> Answer:
        """Post the document, with a token fetched before."""
        kind = self._kinds[kind_of(self._options, order)]
        made = await self._gateway.create(kind.service, kind.entities, self._filled(order))
        if isinstance(made, Answer):
            return made
        if not (number := made.get(kind.key)):
            return Answer(Outcome.UNKNOWN, reason="POST: an answer without a number: the look-up will tell")
        return Answer(Outcome.OPENED, external_id=f"{kind.entities}/{legible(number)}")

    async def _find(self, key: str) -> Answer:
        """Look for our reference in every entity set that a request may become."""
        for kind in self._used():
            rows = await self._gateway.rows(kind.service, kind.entities, {"$filter": kind.filter(key), "$top": "2"})
            if isinstance(rows, Answer):
                return rows
            if numbers := [row[kind.key] for row in rows if kind.ours(row, key) and row.get(kind.key)]:
                return Answer(Outcome.OPENED, external_id=f"{kind.entities}/{legible(numbers[0])}")
        return Answer(Outcome.ABSENT)

    async def _comment(self, external_id: str, note: Note) -> Answer:
        """Append to the notification's long text, unless the note's id stands in it."""
        if (kind := self._kind(external_id)) is None or kind.entities != self._kinds["notification"].entities:
            return Answer(Outcome.REFUSED, reason=f"{external_id}: only notifications take comments")
        answer = Answer(Outcome.AWAY)
        for _ in range(_TRIES):
            answer = await self._append(kind, external_id, note)
            if not answer.reason.startswith(_CHANGED_MEANWHILE):
                return answer
        return Answer(Outcome.AWAY, reason=answer.reason)

    async def _append(self, kind: Kind, external_id: str, note: Note) -> Answer:
        number = external_id.partition("/")[2]
        entity = await self._gateway.one(kind.service, kind.entities, number)
        if isinstance(entity, Answer):
            return entity
        if entity is None:
            return Answer(Outcome.ABSENT, reason=f"no {external_id}")
        mark, told = f"[jidoka {note.id}]", str(entity.get("MaintNotificationLongText") or "")
        if mark in told:
            return Answer(Outcome.OPENED, external_id=external_id)
        longer = f"{told}\n{note.text} {mark}"
        if len(longer) > LONG_TEXT:
            return Answer(Outcome.REFUSED, reason=f"{external_id}: its long text is full ({LONG_TEXT} characters)")
        changes, etag = {"MaintNotifLongTextForEdit": longer}, entity["__metadata"]["etag"]
        changed = await self._gateway.change(kind.service, kind.entities, number, changes, etag)
        return changed if isinstance(changed, Answer) else Answer(Outcome.OPENED, external_id=external_id)

    async def _stand(self, order: Filed) -> Progress | Answer:
        if (kind := self._kind(order.external_id)) is None:
            return Progress(order.key, order.external_id, Status.GONE, 0.0, "not a number of this system")
        entity = await self._gateway.one(kind.service, kind.entities, order.external_id.partition("/")[2])
        if isinstance(entity, Answer):
            return entity
        if entity is None:
            return Progress(order.key, order.external_id, Status.GONE, 0.0)
        status, changed_at, remark = kind.stand(entity)
        return Progress(order.key, order.external_id, status, changed_at, legible(remark))

    def _kind(self, external_id: str) -> Kind | None:
        entities = external_id.partition("/")[0]
        return next((kind for kind in self._kinds.values() if kind.entities == entities), None)
