"""A mistake in the plant file is named with its file, its place and what is wrong, before any service starts on it."""

import json
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from services.contracts.plant import PlantError, load, schema

DEMO = Path("deploy/plants/demo.yaml")
SCHEMA = DEMO.with_name("plant.schema.json")


def changed(tmp_path: Path, change) -> Path:
    document = yaml.safe_load(DEMO.read_text())
    change(document)
    path = tmp_path / "plant.yaml"
    path.write_text(yaml.safe_dump(document))
    return path


def test_the_demo_plant_is_good():
    plant = load(DEMO)

    assert [str(place) for place, _, _ in plant.stations()] == ["lyon/smt1/aoi1"]
    assert plant.recipe("pcb").thresholds.keys() == {"open", "short", "mousebite", "spur", "copper", "pin-hole"}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda d: d["rule_set"]["rules"][0].update(k=1), r"rule_set\.rules\.0\.k"),
        (
            lambda d: d["rule_set"]["rules"][0].update(kind="runs"),
            r"rule_set\.rules\.0\.kind: there is no kind 'runs'; fix: one",
        ),
        (lambda d: d["rule_set"]["rules"][2].pop("kind"), r"rule_set\.rules\.2\.kind: is missing; fix: add it"),
        (lambda d: d["rule_set"]["rules"][3]["actions"].append("pause_line"), "only consecutive, .* may pause a line"),
        (
            lambda d: d["rule_set"]["rules"][1].update(id="stop-budget"),
            r"rules\.1\.id: 'stop-budget' is the engine's own",
        ),
        (
            lambda d: d["rule_set"]["rules"][1].update(of={"defect": "opn"}),
            r"rules\.1\.of\.defect: .*did you mean 'open'",
        ),
        (lambda d: d["recipes"][0]["thresholds"].update(open=1.5), r"recipes\.0\.thresholds\.open"),
        (lambda d: d["recipes"][0].update(treshold=1), r"recipes\.0\.treshold.*[Ee]xtra"),
        (lambda d: d["sites"][0].update(name="Lyon Sud"), r"sites\.0\.name"),
        (lambda d: d["sites"][0]["lines"][0]["stations"][0].update(recipes=["other"]), "'other', which is not there"),
        (lambda d: d["recipes"].append(d["recipes"][0]), r"recipes\.1\.name: 'pcb' is there twice; fix: rename one"),
        (lambda d: d.pop("mes"), "mes: is missing; fix: add it"),
        (lambda d: d.update(evidence={"gateway_url": "jidoka.example"}), r"evidence\.gateway_url"),
        (lambda d: d.update(evidence={"keep_days": 0}), r"evidence\.keep_days"),
    ],
)
def test_a_mistake_is_named_with_file_and_place(tmp_path, change, says):
    path = changed(tmp_path, change)
    with pytest.raises(PlantError, match=says) as error:
        load(path)

    assert str(path) in str(error.value)


def test_the_line_is_that_of_the_mistake_in_the_file_as_it_was_written(tmp_path):
    path = tmp_path / "plant.yaml"
    path.write_text(DEMO.read_text().replace("n: 40", "n: 4"))
    line = 1 + next(at for at, text in enumerate(path.read_text().splitlines()) if text.strip() == "n: 4")
    with pytest.raises(PlantError, match="a window of 4 cannot hold 6; fix: 6 or more") as error:
        load(path)

    assert str(error.value).startswith(f"{path}:{line}: rule_set.rules.1.n: ")


def test_every_mistake_is_named_at_once(tmp_path):
    def spoil(document):
        document["rule_set"]["rules"][0]["k"] = 1
        document["recipes"][0]["version"] = 0

    with pytest.raises(PlantError) as error:
        load(changed(tmp_path, spoil))

    assert len(str(error.value).splitlines()) == 2


def test_the_schema_for_editors_is_that_of_the_code():
    assert json.loads(SCHEMA.read_text()) == schema(), "run `jidoka schema deploy/plants/plant.schema.json`"
    Draft202012Validator.check_schema(schema())


def test_the_schema_takes_the_demo_plant_and_knows_who_may_pause():
    document = yaml.safe_load(DEMO.read_text())
    validator = Draft202012Validator(schema())
    assert list(validator.iter_errors(document)) == []

    document["rule_set"]["rules"][3]["actions"] = ["pause_line"]  # a lot's rate is no reason to stop a line
    assert list(validator.iter_errors(document))


def test_a_file_that_is_not_there_or_no_yaml_is_said_so(tmp_path):
    with pytest.raises(PlantError, match="No such file"):
        load(tmp_path / "none.yaml")
    (tmp_path / "broken.yaml").write_text("a: [1")
    with pytest.raises(PlantError, match="not YAML"):
        load(tmp_path / "broken.yaml")
