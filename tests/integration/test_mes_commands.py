"""`jidoka mes …` and `jidoka chaos mes` as people call them, against a real broker and the MES sandbox."""

import json
from pathlib import Path

import pytest
import yaml
from mes_floor import EQUIPMENT, ROOT, SECRET, Heard, Sandbox, ask, connector, settings_of
from servers import NatsServer, until
from typer.testing import CliRunner

from services.chassis.bus import Bus
from tools.chaos import mes_faults
from tools.chaos.cli import app as chaos_app
from tools.mes import orders
from tools.mes.cli import app

UNKNOWN = "jidoka/lyon/electronics/unknown"


def plant(folder: Path, **mes: object) -> Path:
    document = yaml.safe_load((ROOT / "deploy/plants/demo.yaml").read_text())
    document["mes"] |= mes
    file = folder / "own.yaml"
    file.write_text(yaml.safe_dump(document))
    return file


def said(*arguments: object) -> tuple[int, str]:
    result = CliRunner(env={"COLUMNS": "400"}).invoke(app, [str(argument) for argument in arguments])
    return result.exit_code, result.output


def test_a_probe_finds_the_wrong_secret_and_the_right_one_good(sandbox: Sandbox, tmp_path: Path):
    file = plant(tmp_path, url=sandbox.url)
    (tmp_path / "wrong").write_text("another secret")

    good, told = said("probe", "--plant", file, "--secret-file", tmp_path / "secret")
    assert good == 0, told
    wrong, told = said("probe", "--plant", file, "--secret-file", tmp_path / "wrong")
    assert (wrong, "wrong" in told) == (1, True)
    assert "another secret" not in told
    assert sandbox.orders() == []


def test_a_probe_names_the_field_of_a_wrong_mapping_or_option(sandbox: Sandbox, tmp_path: Path):
    file = plant(tmp_path, url=sandbox.url, options={"template": {"title": "{titel}"}})

    code, told = said("probe", "--plant", file, "--secret-file", tmp_path / "secret")
    assert (code, "mes.options.template" in told, "titel" in told) == (2, True, True)


@pytest.mark.parametrize("adapter", ["webhook", "b2mml-http", "erpnext", "sap"])
def test_a_dry_run_shows_the_request_of_each_kind_without_a_server_and_without_a_secret(tmp_path: Path, adapter: str):
    file = plant(tmp_path, adapter=adapter, url="https://mes.invalid/api")
    code, told = said("dry-run", "--plant", file)

    assert code == 0, told
    assert told.startswith("POST https://mes.invalid/api")
    assert "sample-0001" in told
    assert SECRET not in told


def test_a_dry_run_of_what_cannot_be_mapped_says_what_to_mend(tmp_path: Path):
    code, told = said("dry-run", "--plant", plant(tmp_path, options={"unmapped": "refuse"}))

    assert (code, "mes.mapping.equipment" in told) == (1, True)


async def test_orders_are_listed_as_they_stand_and_a_dead_one_is_tried_again(
    bus: Bus, nats_server: NatsServer, sandbox: Sandbox, heard: Heard, tmp_path: Path
):
    async with connector(settings_of(tmp_path, nats_server, sandbox)):
        await ask(bus, "good")
        await ask(bus, "bad", equipment=UNKNOWN)
        await until(lambda: heard.opened and heard.dead)
        sandbox.change("good", "complete")
        known = await orders.known(bus)
        while known["good"].status != "completed":
            known = await orders.known(bus)
        await orders.requeue(bus, known["bad"])
        await until(lambda: len(heard.dead) == 2)

    assert known["bad"].status == "dead"
    assert "not in the asset register" in known["bad"].reason
    assert known["good"].external_id == sandbox.order("good")["id"]
    assert (await orders.request_of(bus, "good")).equipment_id == EQUIPMENT
    with pytest.raises(ValueError, match="no work request"):
        await orders.request_of(bus, "another")


def test_the_ordeal_of_the_connector_ends_with_one_order_for_each_key_although_it_sleeps_through_its_lease(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(mes_faults, "_LIFE_S", (0.5, 2.0))
    asked = ["--requests", "50", "--seed", "10", "--database", "postgresql", "--json", str(tmp_path / "f")]
    result = CliRunner().invoke(chaos_app, ["mes", *asked])

    assert result.exit_code == 0, result.output
    found = json.loads((tmp_path / "f").read_text())
    assert found["requests"] > found["keys"] == 50
    assert (found["orders"], found["duplicates"], found["missing"], found["dead"]) == (49, 0, 0, 1)
    assert found["freezes"], "the first blow of this seed"
