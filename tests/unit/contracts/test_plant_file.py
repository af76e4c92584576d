"""A mistake in the plant file is named with its file, its place and what is wrong, before any service starts on it."""

from pathlib import Path

import pytest
import yaml

from services.contracts.plant import PlantError, load

DEMO = Path("deploy/plants/demo.yaml")


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
        (lambda d: d["rule_set"]["rules"][0].update(kind="nelson"), r"rule_set\.rules\.0\.kind"),
        (lambda d: d["recipes"][0]["thresholds"].update(open=1.5), r"recipes\.0\.thresholds\.open"),
        (lambda d: d["recipes"][0].update(treshold=1), r"recipes\.0\.treshold.*[Ee]xtra"),
        (lambda d: d["sites"][0].update(name="Lyon Sud"), r"sites\.0\.name"),
        (lambda d: d["sites"][0]["lines"][0]["stations"][0].update(recipes=["other"]), "'other', which is not there"),
        (lambda d: d["recipes"].append(d["recipes"][0]), "recipe 'pcb' is there twice"),
        (lambda d: d.pop("mes"), "mes: Field required"),
    ],
)
def test_a_mistake_is_named_with_file_and_place(tmp_path, change, says):
    path = changed(tmp_path, change)
    with pytest.raises(PlantError, match=says) as error:
        load(path)

    assert str(path) in str(error.value)


def test_a_file_that_is_not_there_or_no_yaml_is_said_so(tmp_path):
    with pytest.raises(PlantError, match="No such file"):
        load(tmp_path / "none.yaml")
    (tmp_path / "broken.yaml").write_text("a: [1")
    with pytest.raises(PlantError, match="not YAML"):
        load(tmp_path / "broken.yaml")
