"""Which document a request becomes, and as which bytes it leaves."""

from services.contracts.mes import Mes
from services.mes_connector.adapters import b2mml_document as document
from services.mes_connector.adapters.b2mml_options import Options
from services.mes_connector.adapters.b2mml_schema import Schemas
from services.mes_connector.adapters.b2mml_shape import local, written
from services.mes_connector.adapters.vocabulary import Vocabulary
from services.mes_connector.domain.progress import Note
from services.mes_connector.domain.work_request import WorkRequest


class Writer:
    """Writes documents; with MESA's schemas at hand, none leaves that they would refuse."""

    def __init__(self, system: Mes, options: Options) -> None:
        self._options = options
        self._vocabulary = Vocabulary(system, options.unmapped)
        self._schemas = Schemas(options.xsd) if options.xsd else None

    def order(self, request: WorkRequest) -> tuple[str, bytes]:
        """The document's name and bytes. Raises BadRequest."""
        if getattr(self._options, request.kind.value) == "work_request":
            root = document.work_request(request, self._vocabulary, self._options.work_master)
        else:
            root = document.quality_event(request, self._vocabulary)
        return self._checked(local(root), written(root))

    def comment(self, key: str, note: Note) -> bytes:
        """The comment's bytes. Raises BadRequest."""
        return self._checked("OperationsEvent", written(document.comment(key, note)))[1]

    def _checked(self, name: str, raw: bytes) -> tuple[str, bytes]:
        if self._schemas:
            self._schemas.check(name, raw)
        return name, raw
