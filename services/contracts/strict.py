"""The words every part of the plant file is written in."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,63}$")]
Share = Annotated[float, Field(ge=0, le=1)]


class Strict(BaseModel):
    """Frozen; a key that nobody knows is a mistake, and so is a number that is none (.nan, .inf)."""

    # With NaN each comparison is false: a rule with one never speaks, a zone with one touches nothing (B4).
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)
