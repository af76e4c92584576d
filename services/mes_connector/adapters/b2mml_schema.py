"""MESA's own schemas, where the plant has them: the last word on a document."""

from pathlib import Path
from typing import Any

from services.chassis.errors import Invalid
from services.mes_connector.domain.work_request import BadRequest

_DOCUMENTS = {"WorkRequest": "B2MML-WorkSchedule.xsd", "OperationsEvent": "B2MML-OperationsEvent.xsd"}


class Schemas:
    """Validates documents against a folder of schemas; nothing is fetched from anywhere else."""

    def __init__(self, folder: Path) -> None:
        import xmlschema  # noqa: PLC0415  # half a second that only plants with schemas pay

        self._schemas: dict[str, Any] = {}
        for name, file in _DOCUMENTS.items():
            try:
                schema = xmlschema.XMLSchema10(folder / file, allow="local", defuse="always")
            except (OSError, xmlschema.XMLSchemaException) as error:
                fix = "a folder with MESA's B2MML V7 schemas"
                raise Invalid(f"{folder / file}: {error}", field="mes.options.xsd", fix=fix) from error
            self._schemas[name] = schema

    def check(self, name: str, document: bytes) -> None:
        """Raises BadRequest with the schema's first objection."""
        error = next(self._schemas[name].iter_errors(document.decode()), None)
        if error is not None:
            raise BadRequest(f"{name}{error.path or ''}", error.reason, "not valid B2MML: mend the mapping")
