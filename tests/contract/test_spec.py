import importlib
import json
import subprocess
from pathlib import Path

import pytest
import yaml

from services.contracts.mqtt import Mqtt
from services.contracts.plant import Plant, load
from services.contracts.rights import permissions
from services.contracts.scopes import ROLE_SCOPES, SERVICE_SCOPES
from services.contracts.subjects import SERVICES
from tools.plant.broker import nats_config, redis_config
from tools.plant.credentials import PEOPLE, registry
from tools.plant.spec import effective_plant, parts, service_settings, with_needs
from tools.plant.state import REPOSITORY, Ports

DEMO = REPOSITORY / "deploy" / "plants" / "demo.yaml"
ROOT = Path("/plant")
# Empty or absent means "without" there, or the value in the code is right for one machine, too.
DEFAULTS_OF_THE_CHASSIS = {"audience", "roles_claim", "log_level", "drain_s"}


@pytest.fixture
def plant() -> Plant:
    """The demo plant with everything switched on."""
    return load(DEMO).model_copy(update={"mqtt": Mqtt()})


def test_a_plant_without_mqtt_has_neither_the_mirror_nor_the_listener(tmp_path: Path):
    path = tmp_path / "nats.conf"
    path.write_text(nats_config("127.0.0.1:4222", tmp_path, dict.fromkeys(("admin", *SERVICES), "x")))

    assert "mqtt-mirror" not in {part.name for part in parts(ROOT, load(DEMO), Ports())}
    assert "mqtt" not in json.loads(path.read_text())


def settings_of(service: str):
    return importlib.import_module(f"services.{service.replace('-', '_')}.settings").Settings


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_told_all_that_it_must_know_and_nothing_that_it_does_not(service: str):
    fields = settings_of(service).model_fields
    told = set(service_settings(service, ROOT, Ports()))
    chassis = set(settings_of(service).__mro__[1].model_fields) - DEFAULTS_OF_THE_CHASSIS

    assert told <= set(fields), "a misspelt variable would be ignored in silence"
    assert {name for name, field in fields.items() if field.is_required()} <= told
    assert chassis <= told
    assert {name for name, field in fields.items() if name.endswith(("_address", "_target", "_url"))} <= told | {
        "triton_metrics_address"
    }


@pytest.mark.parametrize("service", SERVICES)
def test_the_environment_of_a_service_makes_valid_settings(service: str, plant: Plant, monkeypatch: pytest.MonkeyPatch):
    part = next(part for part in parts(ROOT, plant, Ports()) if part.name == service)
    for name, value in part.env.items():
        monkeypatch.setenv(name, value)
    settings = settings_of(service)()

    assert settings.plant_file == ROOT / "plant.yaml"
    assert settings.nats_password_file == ROOT / "secrets" / f"{service}.nats-password"
    assert part.gate == f"http://{settings.health_address}/readyz"


def test_everybody_is_told_the_same_ports(plant: Plant):
    ports = Ports()
    told = {service: service_settings(service, ROOT, ports) for service in SERVICES}

    assert told["preprocessing"]["postprocessing_target"] == told["postprocessing"]["grpc_address"]
    assert told["preprocessing"]["inference_target"] == told["inference"]["grpc_address"]
    assert told["preprocessing"]["triton_target"] == told["inference"]["triton_address"]
    assert told["preprocessing"]["triton_admin_key_file"] == told["inference"]["admin_key_file"]
    assert told["gateway"]["preprocessing_target"] == told["preprocessing"]["grpc_address"]
    urls = [part.url for part in parts(ROOT, plant, ports) if part.url]
    assert len(set(urls)) == len(urls)


def test_needs_name_parts_that_are_there_and_never_go_round(plant: Plant):
    table = parts(ROOT, plant, Ports())
    done: set[str] = set()
    while ready := [part.name for part in table if part.name not in done and done.issuperset(part.needs)]:
        done.update(ready)

    assert done == {part.name for part in table}


def test_a_part_brings_what_it_needs_and_an_unknown_one_is_an_error(plant: Plant):
    table = parts(ROOT, plant, Ports())

    assert [part.name for part in with_needs(table, ("streams",))] == ["nats", "streams"]
    assert with_needs(table, ()) == table
    with pytest.raises(ValueError, match="no part is called natz; there are: nats, "):
        with_needs(table, ("natz",))


def test_only_what_is_on_this_machine_is_simulated(tmp_path: Path):
    text = DEMO.read_text().replace("opc.tcp://127.0.0.1:4840/plc", "opc.tcp://plc7.plant.example:4840/s7")
    source = tmp_path / "real.yaml"
    source.write_text(text)
    ports = Ports()

    names = {part.name for part in parts(ROOT, load(source), ports)}
    effective = yaml.safe_load(effective_plant(source, ports))

    assert "mes" in names
    assert not any(name.startswith("plc") for name in names)
    assert effective["sites"][0]["lines"][0]["plc"]["url"] == "opc.tcp://plc7.plant.example:4840/s7"
    assert effective["mes"]["url"] == f"http://{ports.at('mes')}/workrequests"


def test_the_broker_gives_each_service_exactly_its_rights_and_believes_the_file(tmp_path: Path):
    passwords = {user: f"secret-{user}" for user in ("admin", *SERVICES)}
    path = tmp_path / "nats.conf"
    path.write_text(nats_config("127.0.0.1:4222", tmp_path, passwords))
    users = {user["user"]: user for user in json.loads(path.read_text())["authorization"]["users"]}

    assert set(users) == set(passwords)
    assert "permissions" not in users["admin"]
    for service in SERVICES:
        publish, subscribe = permissions(service)
        assert users[service]["permissions"] == {"publish": {"allow": publish}, "subscribe": {"allow": subscribe}}
        assert ">" not in publish
        assert subscribe == [f"_INBOX.{service}.>"]
    checked = subprocess.run(["nats-server", "-t", "-c", str(path)], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr


def test_redis_listens_on_loopback_and_wants_a_password():
    lines = redis_config(6379, Path("/var/lib/with space"), "pass").splitlines()

    assert {"bind 127.0.0.1", "requirepass pass", "appendonly yes", 'dir "/var/lib/with space"'} <= set(lines)


def test_the_issuer_knows_services_cameras_and_a_person_for_each_role_with_least_rights(plant: Plant):
    known = registry(plant, "http://127.0.0.1:1/callback")
    scopes = {client.client_id: set(client.scopes) for client in known.clients}

    assert {name: scopes[name] for name in SERVICES} == {name: set(SERVICE_SCOPES[name]) for name in SERVICES}
    assert scopes["camera-smt1-aoi1"] == {"inspection.submit"}
    assert scopes["demo"] == {"result.read", "product.write", "model.read"}
    assert set(PEOPLE.values()) == set(ROLE_SCOPES)
    assert len({client.secret_file for client in known.clients}) == len(known.clients)


def test_an_acknowledged_message_survives_a_power_cut(tmp_path: Path):
    """B22: the default flushes every two minutes; of 154 acknowledged verdicts a copy of the disk had 149."""
    config = json.loads(nats_config("127.0.0.1:4222", tmp_path, dict.fromkeys(("admin", *SERVICES), "x")))

    assert config["jetstream"]["sync_interval"] == "always"
