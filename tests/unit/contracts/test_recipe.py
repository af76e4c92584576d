"""A recipe decides what leaves the plant: a mistake in it is named with its field and how to mend it."""

from pathlib import Path

import pytest
import yaml

from services.contracts import context
from services.contracts.mistake import Mistake
from services.contracts.plant import PlantError, load
from services.contracts.recipe import Recipe
from services.contracts.tolerance import Tolerance

DEMO = Path("deploy/plants/demo.yaml")
ZONE = {"name": "label", "kind": "ignore", "rectangle": [0, 0, 100, 50]}
FULL = {
    "thresholds": {"open": 0.4},
    "classes": {
        "spur": {"threshold": 0.6, "inconclusive_from": 0.3, "min_side_px": 6, "allowed": 2, "severity": "minor"}
    },
    "zones": [ZONE, {"name": "pads", "kind": "critical", "polygon": [[1, 1], [9, 1], [9, 9]], "classes": ["spur"]}],
    "adaptive": {"floor": 0.3},
}


def recipe(**changed) -> Recipe:
    return Recipe.model_validate({"name": "pcb", "version": 1, "model": "m", "thresholds": {"open": 0.4}, **changed})


def test_the_short_form_is_a_class_with_a_threshold_alone():
    both = recipe(**FULL)

    assert both.tolerances()["open"] == Tolerance(threshold=0.4)
    assert both.tolerances()["spur"].allowed == 2
    assert [zone.corners[0] for zone in both.zones] == [(0, 0), (1, 1)]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"thresholds": {}}, "thresholds: is missing: no class is known; fix: add thresholds"),
        ({"classes": {"open": {"threshold": 0.5}}}, "thresholds.open: stands in classes, too; fix: say it once"),
        ({"classes": {"spur": {}}}, "classes.spur.threshold: is missing; fix: add it"),
        ({"classes": {"spur": {"threshold": 1.2}}}, "classes.spur.threshold: .*fix: must be 1 or less"),
        (
            {"classes": {"spur": {"threshold": 0.5, "inconclusive_from": 0.6}}},
            "classes.spur.inconclusive_from: is above the threshold 0.5; fix: 0.5 or less",
        ),
        ({"classes": {"spur": {"threshold": 0.5, "min_side": 3}}}, "classes.spur.min_side: is no field here"),
        (
            {"classes": {"spur": {"threshold": 0.5, "severity": "bad"}}},
            "classes.spur.severity: .*fix: one of 'minor', 'major'",
        ),
        ({"zones": [ZONE | {"rectangle": [9, 0, 9, 5]}]}, "zones.0.rectangle: is empty; fix: x1, y1, x2, y2 with"),
        (
            {"zones": [ZONE | {"rectangle": [0, 0, 999, 5]}]},
            "zones.0.rectangle: lies outside the picture; fix: x to 640",
        ),
        (
            {"zones": [ZONE | {"rectangle": None}]},
            "zones.0: has not exactly one of rectangle and polygon; fix: give one",
        ),
        (
            {"zones": [{"name": "a", "kind": "ignore", "polygon": [[0, 0], [5, 5], [9, 9]]}]},
            "zones.0.polygon: encloses nothing",
        ),
        (
            {"zones": [{"name": "a", "kind": "ignore", "polygon": [[0, 0], [9, 9], [9, 0], [0, 20]]}]},
            "zones.0.polygon: crosses itself; fix: give its corners in order",
        ),
        ({"zones": [ZONE, ZONE]}, "zones.1.name: 'label' is there twice; fix: rename one"),
        ({"zones": [ZONE | {"classes": ["opn"]}]}, "zones.0.classes: names the class 'opn'; fix: did you mean 'open'?"),
        ({"zones": [ZONE | {"kind": "mask"}]}, "zones.0.kind: .*fix: one of 'ignore' or 'critical'"),
        ({"adaptive": {}}, "adaptive.floor: is missing; fix: add it"),
        ({"adaptive": {"floor": 0.5}}, "adaptive.floor: is above the lowest threshold 0.4; fix: 0.4 or less"),
        ({"adaptive": {"floor": 0.1, "parts": 50}}, "adaptive.min_parts: is more than the window of 50; fix: 50 or"),
    ],
)
def test_a_mistake_is_named_with_file_line_field_and_fix(tmp_path, change, says):
    document = yaml.safe_load(DEMO.read_text())
    document["recipes"][0]["thresholds"] = {"open": 0.4}
    document["recipes"][0].update(change)
    path = tmp_path / "plant.yaml"
    path.write_text(yaml.safe_dump(document))
    with pytest.raises(PlantError, match=rf"plant\.yaml:\d+: recipes\.0\.{says}"):
        load(path)


def test_a_context_of_sixteen_short_texts_is_taken():
    context.check({f"key-{number}": "x" * 128 for number in range(16)})
    context.check({"cavity": "7", "supplier": "Müller & Söhne", "k" * 32: "1"})
    context.check({})


@pytest.mark.parametrize(
    ("entries", "field", "says"),
    [
        ({f"k{number}": "v" for number in range(17)}, "context", "has 17 entries"),
        ({"k" * 33: "v"}, "context", "has the key 'kkk"),
        ({"Cavity": "v"}, "context", "has the key 'Cavity'"),
        ({"a.b": "v"}, "context", "has the key 'a.b'"),
        ({"": "v"}, "context", "has the key ''"),
        ({"cavity": ""}, "context.cavity", "is no text"),
        ({"cavity": "v" * 129}, "context.cavity", "is no text"),
        ({"cavity": "a\nb"}, "context.cavity", "is no text"),
    ],
)
def test_a_context_that_is_too_much_is_refused_with_field_and_fix(entries, field, says):
    with pytest.raises(Mistake, match=says) as mistake:
        context.check(entries)

    assert mistake.value.field == field
    assert mistake.value.fix
