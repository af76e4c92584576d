"""What a plant may say about its Odoo; which record each kind of request becomes, and with which fields."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from services.contracts.strict import Strict
from services.mes_connector.adapters.vocabulary import Unmapped

MAINTENANCE = "maintenance.request"
FIELDS: Mapping[str, Any] = {
    "name": "{title}",
    "description": "{narrative_html}",
    "priority": "{priority}",
    "maintenance_type": "{maintenance_type}",
    "schedule_date": "{schedule_date}",
    "request_date": "{request_date}",
    "equipment_id": "{equipment}",
}
"""Of a maintenance request, from Odoo 14 to 19."""
_OTHER_FIELDS: Mapping[str, Any] = {"name": "{title}", "description": "{narrative_html}"}
PRIORITIES = {1: "3", 2: "2", 3: "1", 4: "0"}
"""Odoo's stars."""


class Document(Strict):
    """One kind of request in Odoo."""

    model: str = Field(default=MAINTENANCE, pattern=r"^[a-z][a-z0-9_.]{1,63}$")
    fields: dict[str, Any] = Field(default={})
    """Fields on top of the default ones; null leaves one out. A field named `…_id` refers to another record: by number
    ("7"), by external id ("maintenance.equipment_team_maintenance") or by name ("Quality")."""

    @property
    def shape(self) -> dict[str, Any]:
        """Every field with its template."""
        defaults = FIELDS if self.model == MAINTENANCE else _OTHER_FIELDS
        return {field: told for field, told in {**defaults, **self.fields}.items() if told is not None}


class Flow(Strict):
    """How the records of one model tell where they stand."""

    stage: str = "stage_id"
    """The field that holds the stage …"""
    done: str = "done"
    """… and the field of the stage that says that the work is done."""
    archived: str = "archive"
    """The field that says that people put it away unfinished; of `active` the opposite is taken."""
    cancelled_stages: list[str] = Field(default=[])
    """Names of stages that end the work without having done it."""


class Options(Strict):
    """`url` is the server's address; the secret file holds an API key of a user who may see all of these records.

    Odoo Community has no quality application: there a quality request is a maintenance request that says so in its
    name, best with a team of its own (`fields: {maintenance_team_id: Quality}`). With Odoo Enterprise `quality.alert`
    is a model to choose, with an OCA module its non-conformity.
    """

    database: str = Field(min_length=1)
    maintenance: Document = Document()
    internal_quality: Document = Document(fields={"name": "Quality: {title}"})
    supplier_quality: Document = Document(fields={"name": "Supplier quality: {title}"})
    flows: dict[str, Flow] = Field(default={})
    """By model, where it is not as in a maintenance request."""
    unmapped: Unmapped = "pass"
    """Whether a request for equipment without an entry in the mapping goes without equipment (its description names
    it), or not at all."""

    def flow(self, model: str) -> Flow:
        """How this model's records tell where they stand."""
        return self.flows.get(model, Flow())


class RpcOptions(Options):
    """The same over XML-RPC, where a user's name goes with the API key (or password)."""

    login: str = Field(min_length=1)
