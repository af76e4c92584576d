"""A mistake in a sensor, or in the name of what it measures, is found in the plant file and not months later."""

from pathlib import Path

import pytest
import yaml

from services.contracts.plant import PlantError, load

DEMO = Path("deploy/plants/demo.yaml")


def sensor(document) -> dict:
    return document["sites"][0]["lines"][0]["stations"][0]["sensors"][0]


def force(document) -> dict:
    return sensor(document)["channels"][0]


def wear(document) -> dict:
    return next(rule for rule in document["rule_set"]["rules"] if rule["id"] == "tool-wear")


def test_the_demo_plant_watches_what_its_sensor_records():
    assert "force.rms" in load(DEMO).measurements()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda d: wear(d)["of"].update(measurement="force.rsm"), r"of\.measurement: .*did you mean 'force\.rms'"),
        (lambda d: force(d).update(record=["peak"]), r"of\.measurement: no sensor records 'force\.rms'"),
        (lambda d: force(d).update(low=5000), r"channels\.0\.high: is not above low = 5000"),
        (lambda d: force(d).update(unit="N m"), r"channels\.0\.unit"),
        (lambda d: force(d).update(steady=True), r"channels\.0\.record: a steady quantity has no crest factor"),
        (lambda d: sensor(d)["channels"].append(force(d)), r"channels\.1\.name: 'force' is there twice"),
        (lambda d: sensor(d).update(samples=8), r"samples"),
        (
            lambda d: sensor(d).update(client="camera-smt1-aoi1"),
            r"sensors\.0\.client: 'camera-smt1-aoi1' sends already",
        ),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path, change, says):
    document = yaml.safe_load(DEMO.read_text())
    change(document)
    path = tmp_path / "plant.yaml"
    path.write_text(yaml.safe_dump(document))
    with pytest.raises(PlantError, match=says):
        load(path)
