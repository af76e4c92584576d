"""B2MML V7 over HTTP: documents are posted to one address, and looked up under it by their ID.

    POST <url>                  a WorkRequest or an OperationsEvent; 2xx and no body but B2MML, or 409: that ID stands
    GET  <url>/<ID>             the document with that ID, or 404
    GET  <url>/<ID>/response    WorkResponse or JobResponse, or 404 while there is none

The ID is our reference, and the order's number too; Idempotency-Key repeats it for partners that do not open documents.
"""

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

import httpx

from services.contracts.mes import Mes
from services.mes_connector.adapters.attempt import attempt
from services.mes_connector.adapters.b2mml_answer import Garbled, parsed, states
from services.mes_connector.adapters.b2mml_options import HttpOptions
from services.mes_connector.adapters.b2mml_shape import NAMESPACE
from services.mes_connector.adapters.b2mml_writer import Writer
from services.mes_connector.adapters.http import Http, Reply, garbled
from services.mes_connector.adapters.one_by_one import one_by_one
from services.mes_connector.adapters.options import options_of
from services.mes_connector.adapters.template import text
from services.mes_connector.adapters.vocabulary import Vocabulary
from services.mes_connector.domain.answer import Answer, Outcome
from services.mes_connector.domain.order import Order
from services.mes_connector.domain.progress import Filed, Finding, Note, Polled, Preview, Progress, Status

_PROBE_KEY = "jidoka-probe"
_ABSENT = (404, 410)
_STANDS = 409


def open_b2mml_http(
    system: Mes,
    secret: str,
    deadline_s: float,
    ca_file: Path | None,
    transport: httpx.AsyncBaseTransport | None = None,
) -> "B2mmlHttp":
    """The adapter for this partner. Raises Invalid for options that cannot be used."""
    header = options_of(system, HttpOptions).header
    proof = f"Bearer {secret}" if header.lower() == "authorization" else secret
    headers = {"Content-Type": "application/xml", "Accept": "application/xml", header: proof}
    return B2mmlHttp(system, Http(deadline_s, ca_file, headers=headers, secrets=[secret], transport=transport))


class B2mmlHttp:
    """One partner."""

    def __init__(self, system: Mes, http: Http) -> None:
        self._options = options = options_of(system, HttpOptions)
        self._url = system.url
        self._http = http
        self._writer = Writer(system, options)
        self._vocabulary = Vocabulary(system, options.unmapped)

    async def start(self) -> None:
        await self._http.start()

    async def stop(self) -> None:
        await self._http.stop()

    async def create(self, order: Order) -> Answer:
        """Post the document."""
        return await attempt(order, self._create)

    async def find(self, key: str) -> Answer:
        """Ask for the document with this ID."""
        return await self._stands(self._at(self._options.find_path, key=key), key)

    async def comment(self, external_id: str, note: Note) -> Answer:
        """Post an event about the order, unless one with the note's ID stands."""
        return await self._http.within(self._comment(external_id, note))

    async def progress(self, orders: Sequence[Filed]) -> Polled:
        """Ask for each response; without one, whether the order still stands."""
        return await one_by_one(orders, self._stand)

    async def probe(self) -> Answer:
        """Look for a document that nobody posted."""
        return await self.find(_PROBE_KEY)

    async def examine(self) -> Sequence[Finding]:
        """The look-up with our credentials, and the priorities; B2MML has no question for a single equipment."""
        answer = await self.probe()
        good = answer.outcome in (Outcome.ABSENT, Outcome.OPENED)
        fix = "" if good else "check mes.url, mes.options.find_path, and the secret with mes.options.header"
        return [
            Finding("look-up with our secret", good=good, detail=answer.reason, fix=fix),
            *self._vocabulary.numeric_priorities(),
        ]

    def preview(self, order: Order) -> Preview:
        """The document as it would be posted. Raises BadRequest."""
        return Preview("POST", self._url, self._writer.order(order.request)[1].decode())

    async def _create(self, order: Order) -> Answer:
        _, raw = self._writer.order(order.request)
        return await self._post(order.request.key, raw)

    async def _post(self, identity: str, raw: bytes) -> Answer:
        reply = await self._http.call("POST", self._url, content=raw, headers={"Idempotency-Key": identity})
        if isinstance(reply, Answer):
            return reply
        if reply.status == _STANDS or (reply.good and _taken(reply)):
            return Answer(Outcome.OPENED, external_id=identity)
        return garbled(reply, "empty or B2MML") if reply.good else self._http.clean(reply.refusal())

    async def _comment(self, external_id: str, note: Note) -> Answer:
        standing = await self.find(external_id)
        if standing.outcome is not Outcome.OPENED:
            return standing
        told = await self._stands(self._at(self._options.comment_path, id=note.id), note.id)
        if told.outcome is Outcome.ABSENT:
            told = await self._post(note.id, self._writer.comment(external_id, note))
        return Answer(Outcome.OPENED, external_id=external_id) if told.outcome is Outcome.OPENED else told

    async def _stands(self, url: str, identity: str) -> Answer:
        reply = await self._http.call("GET", url)
        if isinstance(reply, Answer):
            return reply
        if reply.status in _ABSENT:
            return Answer(Outcome.ABSENT)
        if not reply.good:
            return self._http.clean(reply.refusal())
        try:
            told = parsed(reply.body).findtext("ID", "", {"": NAMESPACE}).strip()
        except Garbled:
            return garbled(reply, "a B2MML document")
        # A partner that answers every address with its welcome page has nothing of ours.
        return Answer(Outcome.OPENED, external_id=identity) if told == identity else garbled(reply, "our document")

    async def _stand(self, order: Filed) -> Progress | Answer:
        reply = await self._http.call("GET", self._at(self._options.response_path, key=order.external_id))
        if isinstance(reply, Answer):
            return reply
        if reply.status in _ABSENT:
            return await self._unanswered(order)
        if not reply.good:
            return self._http.clean(reply.refusal())
        return self._answered(order, reply)

    async def _unanswered(self, order: Filed) -> Progress | Answer:
        standing = await self.find(order.external_id)
        if standing.outcome not in (Outcome.OPENED, Outcome.ABSENT):
            return standing
        status = Status.OPEN if standing.outcome is Outcome.OPENED else Status.GONE
        return Progress(order.key, order.external_id, status, 0.0)

    def _answered(self, order: Filed, reply: Reply) -> Progress | Answer:
        try:
            told = [it for it in states(parsed(reply.body), self._options.states) if it.key == order.external_id]
        except Garbled:
            told = []
        if not told:
            return garbled(reply, "a response about this order")
        return Progress(order.key, order.external_id, told[-1].status, told[-1].changed_at, told[-1].remark)

    def _at(self, path: str, **values: str) -> str:
        return self._url.rstrip("/") + text(path, {name: quote(value, safe="") for name, value in values.items()})


def _taken(reply: Reply) -> bool:
    """A partner that took a document says nothing, or something in B2MML; a log-in page says something else."""
    if not reply.body.strip():
        return True
    try:
        return parsed(reply.body).tag.startswith(f"{{{NAMESPACE}}}")
    except Garbled:
        return False
