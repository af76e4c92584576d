"""B2MML V7 as a file drop: orders and comments in one folder, the partner's responses in another.

`find` looks at what lies there and at what was ever laid down, so that a partner may take files away at once. An
order's number is the name of its file. A partner that answers nothing leaves orders open, whatever it does with them.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar
from urllib.parse import unquote, urlsplit

from services.chassis.errors import Invalid
from services.contracts.mes import Mes
from services.mes_connector.adapters.attempt import attempt
from services.mes_connector.adapters.b2mml_answer import Garbled, State, parsed, states
from services.mes_connector.adapters.b2mml_folder import Folder, file_name
from services.mes_connector.adapters.b2mml_options import FileOptions
from services.mes_connector.adapters.b2mml_writer import Writer
from services.mes_connector.adapters.one_thread import BusyError, OneThread
from services.mes_connector.adapters.options import options_of
from services.mes_connector.adapters.vocabulary import Vocabulary
from services.mes_connector.domain.answer import Answer, Outcome
from services.mes_connector.domain.order import Order
from services.mes_connector.domain.progress import Filed, Finding, Note, Polled, Preview, Progress, Status

T = TypeVar("T")


def open_b2mml_file(system: Mes, secret: str, deadline_s: float, ca_file: Path | None) -> "FileDrop":
    """The adapter for this folder; it needs no secret. Raises Invalid for an address or options that cannot be used."""
    del secret, ca_file
    address = urlsplit(system.url)
    if address.scheme != "file" or address.netloc or not address.path.startswith("/"):
        raise Invalid(f"{system.url!r} is no folder", field="mes.url", fix="file:///path/of/the/folder")
    return FileDrop(system, Path(unquote(address.path)), deadline_s)


class FileDrop:
    """One pair of folders, perhaps on a network share: every touch of it has a deadline."""

    def __init__(self, system: Mes, root: Path, deadline_s: float) -> None:
        self._options = options = options_of(system, FileOptions)
        self._folder = Folder(root, options)
        self._writer = Writer(system, options)
        self._vocabulary = Vocabulary(system, options.unmapped)
        self._thread, self._deadline_s = OneThread("mes folder"), deadline_s

    async def start(self) -> None:
        """Nothing to do: the plant makes the folders, with the rights that both sides need."""

    async def stop(self) -> None:
        """Nothing to do."""

    async def create(self, order: Order) -> Answer:
        """Lay the document down, unless it was."""
        return await attempt(order, self._create)

    async def find(self, key: str) -> Answer:
        """Look for a file with this reference."""
        found = await self._touch(lambda: self._folder.find(key))
        if isinstance(found, Answer):
            return found
        return Answer(Outcome.OPENED, external_id=found) if found else Answer(Outcome.ABSENT)

    async def comment(self, external_id: str, note: Note) -> Answer:
        """Lay down an event about the order, unless it was."""
        if not (key := _key_of(external_id)):
            return Answer(Outcome.ABSENT, reason=f"{external_id!r} is no file of ours")
        found = await self.find(key)
        if found.outcome is not Outcome.OPENED:
            return found
        raw = self._writer.comment(key, note)
        laid = await self._touch(lambda: self._folder.lay_down("OperationsEvent", note.id, raw))
        return laid if isinstance(laid, Answer) else Answer(Outcome.OPENED, external_id=external_id)

    async def progress(self, orders: Sequence[Filed]) -> Polled:
        """Read every response once; the last one about an order counts."""
        seen = await self._touch(lambda: self._read(orders))
        return Polled(seen) if isinstance(seen, Answer) else Polled(Answer(Outcome.OPENED), tuple(seen))

    async def probe(self) -> Answer:
        """Whether the folders are there and may be written."""
        checked = await self._touch(self._folder.check)
        return checked if isinstance(checked, Answer) else Answer(Outcome.OPENED)

    async def examine(self) -> Sequence[Finding]:
        """The folders and their rights, the priorities, and responses that cannot be read."""
        answer = await self.probe()
        if answer.outcome is not Outcome.OPENED:
            names = f"{self._options.requests}, {self._options.sent} and {self._options.responses}"
            fix = f"make the folders {names} there, and let our user write to the first two"
            return [Finding("folders", good=False, detail=answer.reason, fix=fix)]
        responses = await self._touch(self._legible)
        findings = [Finding("folders", good=True), *self._vocabulary.numeric_priorities()]
        if isinstance(responses, Answer):
            return [*findings, Finding("responses", good=False, detail=responses.reason, fix="let our user read them")]
        fix = "" if not responses else "remove them, or tell the partner"
        return [*findings, Finding("responses", good=not responses, detail=f"{responses} cannot be read", fix=fix)]

    def preview(self, order: Order) -> Preview:
        """The document as it would be laid down. Raises BadRequest."""
        document, raw = self._writer.order(order.request)
        return Preview("FILE", str(self._folder.requests / file_name(document, order.request.key)), raw.decode())

    async def _create(self, order: Order) -> Answer:
        document, raw = self._writer.order(order.request)
        laid = await self._touch(lambda: self._folder.lay_down(document, order.request.key, raw))
        return laid if isinstance(laid, Answer) else Answer(Outcome.OPENED, external_id=laid)

    def _read(self, orders: Sequence[Filed]) -> list[Progress]:
        told: dict[str, State] = {}
        for raw in self._folder.answers():
            told |= {state.key: state for state in self._states(raw)}
        return [self._stand(order, told.get(order.key)) for order in orders]

    def _stand(self, order: Filed, state: State | None) -> Progress:
        if state is not None:
            return Progress(order.key, order.external_id, state.status, state.changed_at, state.remark)
        status = Status.OPEN if self._folder.find(order.key) else Status.GONE
        return Progress(order.key, order.external_id, status, 0.0)

    def _states(self, raw: bytes) -> list[State]:
        try:
            return list(states(parsed(raw), self._options.states))
        except Garbled:  # perhaps half-written: it is read again at the next poll, and `probe` counts it
            return []

    def _legible(self) -> int:
        def garbled(raw: bytes) -> bool:
            try:
                parsed(raw)
            except Garbled:
                return True
            return False

        return sum(garbled(raw) for raw in self._folder.answers())

    async def _touch(self, work: Callable[[], T]) -> T | Answer:
        try:
            return await self._thread.run(work, self._deadline_s)
        except BusyError:
            return Answer(Outcome.AWAY, reason="the folder is still busy with what was asked before")
        except TimeoutError:  # the thread may still be at it: a share that hangs wakes up when it likes
            return Answer(Outcome.UNKNOWN, reason=f"the folder did not answer within {self._deadline_s:g} s")
        except PermissionError as error:
            return Answer(Outcome.LOCKED_OUT, reason=f"{error.filename}: {error.strerror}")
        except OSError as error:
            return Answer(Outcome.AWAY, reason=f"{error.filename}: {error.strerror}")


def _key_of(external_id: str) -> str:
    document, _, rest = external_id.partition("_")
    return unquote(rest.removesuffix(".xml")) if document in ("WorkRequest", "OperationsEvent") else ""
