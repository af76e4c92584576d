"""A request shown to a person before any system sees it."""

import json
from typing import Any

from services.mes_connector.domain.progress import Preview


def json_preview(method: str, target: str, document: Any) -> Preview:
    """The body as it would be sent, indented."""
    return Preview(method, target, json.dumps(document, indent=2, ensure_ascii=False))
