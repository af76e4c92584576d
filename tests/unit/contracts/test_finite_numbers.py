"""No number of the plant file is .nan or .inf: with NaN each comparison is false, and a rule never speaks (B4)."""

import math
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import pytest
from pydantic import ValidationError

import services.contracts.plant
import services.mes_connector.adapters.systems  # noqa: F401  (its options are written in the plant file, too)
from services.contracts.plant import PlantError, load
from services.contracts.strict import Strict
from services.contracts.tolerance import Zone

DEMO = Path("deploy/plants/demo.yaml")
BAD = (math.nan, math.inf, -math.inf)


def models(base: type[Strict] = Strict) -> Iterator[type[Strict]]:
    for model in base.__subclasses__():
        if model.__module__.startswith("services."):
            yield model
        yield from models(model)


def spoilt(annotation: Any, bad: float) -> list[Any]:
    """Values of this shape, each with `bad` in another numeric place; empty: there is no number in it."""
    inner, origin = get_args(annotation), get_origin(annotation)
    if origin is Annotated:
        return spoilt(inner[0], bad)
    if origin in (Union, UnionType):
        return [value for one in inner for value in spoilt(one, bad)]
    if origin is dict:
        return [{"1": value} for value in spoilt(inner[1], bad)]
    if origin is tuple and inner[-1] is ...:
        return [(value,) * 3 for value in spoilt(inner[0], bad)]
    if origin is tuple:  # of numbers
        return [tuple(bad if spot == at else 1.0 for spot in range(len(inner))) for at in range(len(inner))]
    return [bad] if annotation in (float, int) else []


CASES = sorted(
    {
        (f"{model.__module__}.{model.__name__}.{name}={bad}"): (model, name, value)
        for model in models()
        for name, field in model.model_fields.items()
        for bad in BAD
        for value in spoilt(field.annotation, bad)
    }.items()
)


@pytest.mark.parametrize(("model", "name", "value"), [case for _, case in CASES], ids=[name for name, _ in CASES])
def test_a_number_that_is_none_is_refused(model, name, value):
    try:
        model.model_validate({name: value})
        told: list[Any] = []
    except ValidationError as error:
        told = [one["loc"] for one in error.errors() if one["type"] != "missing"]

    assert any(loc[:1] == (name,) for loc in told), f"{model.__name__}.{name} took {value}"


def test_the_numbers_of_rules_recipes_sensors_plcs_and_mes_options_are_among_them():
    found = {(model.__name__, name) for _, (model, name, _) in CASES}

    assert {
        *(("CusumRule", "mean"), ("TrendRule", "limit"), ("Tolerance", "min_area_px2"), ("Zone", "rectangle")),
        *(("Zone", "polygon"), ("Recipe", "thresholds"), ("Channel", "low"), ("Plc", "ack_timeout_s")),
    } <= found


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("corner", range(8))
def test_no_corner_of_a_zone_lies_nowhere(bad, corner):
    numbers = [0.0, 0.0, 9.0, 0.0, 9.0, 9.0, 0.0, 9.0]
    numbers[corner] = bad
    polygon = list(zip(numbers[::2], numbers[1::2], strict=True))

    with pytest.raises(ValidationError, match="polygon"):
        Zone(name="pad", kind="critical", polygon=polygon)


@pytest.mark.parametrize("bad", [".nan", ".inf", "-.inf", "1.0e+999"])
def test_check_names_the_line(tmp_path, bad):
    path = tmp_path / "plant.yaml"
    text = DEMO.read_text().splitlines()
    at = text.index("rule_set:") + 1
    text.insert(at, f"  reorder_s: {bad}")
    path.write_text("\n".join(text))

    with pytest.raises(PlantError, match=r"fix: ") as error:
        load(path)

    assert str(error.value).startswith(f"{path}:{at + 1}: rule_set.reorder_s: ")
    assert "a finite number" in str(error.value)
