"""The plant file's section about the MES, CMMS or ERP that takes work requests."""

from typing import Any, Literal

from pydantic import Field

from services.contracts.strict import Name, Strict

Adapter = Literal["webhook", "b2mml-file", "b2mml-http", "odoo", "odoo-rpc", "tryton", "erpnext", "sap"]


class Mapping(Strict):
    """Our words (left) in the system's own (right); what is not mapped passes as it is."""

    equipment: dict[str, str] = Field(default_factory=dict)
    """ISA-95 path: the system's number of that equipment."""
    priorities: dict[Literal["1", "2", "3", "4"], str] = Field(default_factory=dict)
    """1 critical .. 4 low: the system's word."""
    failures: dict[str, str] = Field(default_factory=dict)
    """Defect class: failure code of the plant's catalogue."""
    causes: dict[str, str] = Field(default_factory=dict)
    """Cause code (tool, lot …): cause code of the plant's catalogue."""
    materials: dict[str, str] = Field(default_factory=dict)
    """Material: the system's number."""
    suppliers: dict[str, str] = Field(default_factory=dict)
    """Supplier: the system's number."""


class Mes(Strict):
    """One system; its secret stands in a file that the connector is told of, never here."""

    name: Name
    adapter: Adapter = "webhook"
    url: str
    """Where it is: http(s)://…, or a folder for b2mml-file."""
    options: dict[str, Any] = Field(default_factory=dict)
    """What only this adapter knows (database, models, templates …); it checks them itself."""
    mapping: Mapping = Field(default_factory=Mapping)
