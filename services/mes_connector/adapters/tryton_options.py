"""What a plant may say about its Tryton."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from services.contracts.strict import Strict
from services.mes_connector.adapters.vocabulary import Unmapped

TASK, ALERT, INSPECTION = "project.work", "quality.alert", "quality.inspection"
Model = Literal["project.work", "quality.alert"]

FIELDS: Mapping[Model, Mapping[str, Any]] = {
    "project.work": {
        "type": "task",
        "name": "{title}",
        "comment": "{maintenance_type}, priority {priority}{due}\n\n{narrative}",
    },
    "quality.alert": {"title": "{title}", "description": "Priority {priority}\n\n{narrative}"},
}


class Options(Strict):
    """`url` is the server's address; the secret file holds the user's password.

    Tryton has no maintenance module: maintenance becomes a task of `project`, in the project that the mapping names for
    the equipment. Quality becomes an alert of `quality`, on an inspection of its own that carries our reference. The
    user's access rules must let it see what others have taken over: what it cannot see counts as deleted.
    """

    database: str = Field(min_length=1, pattern=r"^[A-Za-z0-9_-]+$")
    login: str = Field(min_length=1)
    company: int | None = None
    """Number of the company; without: the user's own."""
    control: int | None = None
    """Number of the quality control under which our inspections stand; needed for alerts."""
    points: dict[str, bool | float | str] = Field(default={})
    """What our inspections say on the control's points, so that they count as failed; without: they stay pending."""
    project: int | None = None
    """Number of the project for tasks whose equipment is not mapped; without: tasks of no project."""
    internal_quality: Model = "quality.alert"
    supplier_quality: Model = "quality.alert"
    task_fields: dict[str, Any] = Field(default={})
    """Fields of a task on top of the default ones."""
    alert_fields: dict[str, Any] = Field(default={})
    """Fields of an alert on top of the default ones."""
    cancelled_statuses: list[str] = Field(default=[])
    """Names of task statuses that end the work without having done it."""
    unmapped: Unmapped = "pass"
    """Whether a request for equipment without an entry in the mapping goes into `project`, or not at all."""
