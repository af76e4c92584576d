"""Which systems we speak to: the plant file's `mes.adapter`, and what opens it."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeAlias

from services.contracts.mes import Mes
from services.mes_connector import ports
from services.mes_connector.adapters.b2mml_file import open_b2mml_file
from services.mes_connector.adapters.b2mml_http import open_b2mml_http
from services.mes_connector.adapters.erpnext import open_erpnext
from services.mes_connector.adapters.odoo import open_odoo, open_odoo_rpc
from services.mes_connector.adapters.sap import open_sap
from services.mes_connector.adapters.tryton import open_tryton
from services.mes_connector.adapters.webhook import open_webhook


class System(ports.Mes, Protocol):
    """An adapter: a component of the service that is an MES."""

    async def start(self) -> None: ...
    async def stop(self) -> None: ...


Open: TypeAlias = Callable[[Mes, str, float, Path | None], System]
"""(section of the plant file, secret, deadline of a whole call in seconds, certificate authority) -> the adapter."""

SYSTEMS: dict[str, Open] = {
    "webhook": open_webhook,
    "b2mml-file": open_b2mml_file,
    "b2mml-http": open_b2mml_http,
    "erpnext": open_erpnext,
    "odoo": open_odoo,
    "odoo-rpc": open_odoo_rpc,
    "sap": open_sap,
    "tryton": open_tryton,
}


def open_system(system: Mes, secret: str, deadline_s: float, ca_file: Path | None) -> System:
    """The adapter that the plant file names. Raises Invalid naming the field of `mes` and the fix."""
    return SYSTEMS[system.adapter](system, secret, deadline_s, ca_file)
