"""An adapter's own part of the plant file."""

from typing import Annotated, Any, TypeVar
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BeforeValidator, ValidationError

from services.chassis.errors import Invalid
from services.contracts.mes import Mes
from services.contracts.strict import Strict

Model = TypeVar("Model", bound=Strict)


def _zone(told: Any) -> ZoneInfo:
    if (name := str(told)) not in available_timezones():
        raise ValueError(f"{told!r} is no time zone: use a name such as Europe/Paris")
    return ZoneInfo(name)


TimeZone = Annotated[ZoneInfo, BeforeValidator(_zone)]
"""By its name."""


def options_of(system: Mes, model: type[Model]) -> Model:
    """`mes.options` as this adapter reads it. Raises Invalid naming the field and the fix."""
    try:
        return model.model_validate(system.options)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(["mes.options", *map(str, first["loc"])])
        known = ", ".join(model.model_fields)
        raise Invalid(first["msg"], field=field, fix=f"the {system.adapter} adapter knows: {known}") from error
