"""A filled template as columns of an import: Odoo's `load` wants texts, and to be told how a reference is meant."""

import re
from collections.abc import Mapping

_EXTERNAL_ID = re.compile(r"[a-z_][a-z0-9_]*\.[A-Za-z0-9_%:-]+")


def columns(filled: Mapping[str, object]) -> dict[str, str]:
    """Column: text. What is empty is left out, so that Odoo's own default stands."""
    told = {field: str(value) for field, value in filled.items() if value not in (None, "")}
    return {column(field, value): value for field, value in told.items()}


def column(field: str, value: str) -> str:
    """`equipment_id` holding a number is `equipment_id/.id`, an external id `equipment_id/id`, a name itself."""
    if not field.endswith("_id"):
        return field
    if value.isascii() and value.isdecimal():
        return f"{field}/.id"
    return f"{field}/id" if _EXTERNAL_ID.fullmatch(value) else field
