"""A plant's table of parts, refitted: each link through its own wire, nobody's own address moved, stand-bys apart."""

import pytest

from services.contracts import plant as plants
from tools.chaos.fitting import ISSUER, Fitting, ends, fitted, links, with_twins
from tools.plant.spec import parts
from tools.plant.state import REPOSITORY, Ports

NATS_OF_THE_JUDGE = "postprocessing>nats"


class Numbered(Ports):
    """Ports without sockets."""

    def __missing__(self, name: str) -> int:
        self[name] = 20_000 + len(self)
        return self[name]


@pytest.fixture
def ports() -> Ports:
    return Numbered()


@pytest.fixture
def table(ports, tmp_path):
    return parts(tmp_path, plants.load(REPOSITORY / "deploy/plants/demo.yaml"), ports)


def named(table, name):
    return next(part for part in table if part.name == name)


def test_every_service_has_its_own_way_to_the_broker_and_the_judge_one_to_redis(table):
    found = set(links(table))
    services = {part.name for part in table if any(key.endswith("_NATS_URL") for key in part.env)}
    assert {(service, "nats") for service in services} <= found
    assert ("postprocessing", "redis") in found
    assert ("preprocessing", "triton-grpc") in found


def test_only_the_client_of_a_wire_is_told_of_it(table, ports, tmp_path):
    after = fitted(table, ports, Fitting(tmp_path / "wired.yaml", {NATS_OF_THE_JUDGE: 1}))
    assert named(after, "postprocessing").env["JIDOKA_POSTPROCESSING_NATS_URL"] == "nats://127.0.0.1:1"
    assert named(after, "gateway").env["JIDOKA_GATEWAY_NATS_URL"] == f"nats://{ports.at('nats')}"


def test_nobody_listens_anywhere_else_than_before(table, ports, tmp_path):
    wires = {f"{client}>{server}": 1 for client, server in links(table)}
    after = fitted(table, ports, Fitting(tmp_path / "wired.yaml", wires))
    for before, now in zip(table, after, strict=True):
        own = [key for key in before.env if key.endswith(("_ADDRESS", "SCADA_URL"))]
        assert {key: now.env[key] for key in own} == {key: before.env[key] for key in own}
        assert (now.gate, now.command) == (before.gate, before.command)


def test_services_read_the_plant_file_in_which_plc_and_mes_are_behind_wires(table, ports, tmp_path):
    after = fitted(table, ports, Fitting(tmp_path / "wired.yaml"))
    assert named(after, "opcua-bridge").env["JIDOKA_OPCUA_BRIDGE_PLANT_FILE"] == str(tmp_path / "wired.yaml")


def test_the_issuer_listens_where_it_did_and_says_that_it_is_found_at_its_wire(table, ports, tmp_path):
    after = fitted(table, ports, Fitting(tmp_path / "w", {ISSUER: 1}))
    command = named(after, "issuer").command
    assert command[command.index("--port") + 1] == str(ports["issuer"])
    assert command[command.index("--found-at") + 1] == "1"
    assert "tools.chaos.issuer_behind" in command
    assert named(after, "gateway").env["JIDOKA_GATEWAY_ISSUER_URL"] == "http://127.0.0.1:1"


def test_a_stand_by_shares_everything_with_its_twin_but_its_addresses(table, ports):
    after = with_twins(table, ports)
    one, two = named(after, "opcua-bridge"), named(after, "opcua-bridge-2")
    other = {key for key in one.env if one.env[key] != two.env[key]}
    assert other == {"JIDOKA_OPCUA_BRIDGE_HEALTH_ADDRESS", "JIDOKA_OPCUA_BRIDGE_SCADA_URL"}
    assert one.gate != two.gate
    assert two.gate.endswith("/readyz")
    assert two.url.startswith("opc.tcp://")
    assert len(after) == len(table) + 2


def test_a_fitting_travels_in_a_file(tmp_path):
    fitting = Fitting(tmp_path / "wired.yaml", {NATS_OF_THE_JUDGE: 1}, tmp_path / "models", None, stand_by=True)
    fitting.write(tmp_path / "fitting.json")
    assert Fitting.read(tmp_path / "fitting.json") == fitting


def test_a_link_ends_at_parts_whatever_their_ports_are_called():
    assert ends("preprocessing>triton-grpc") == ("preprocessing", "triton")
    assert ends("opcua-bridge>plc-lyon-smt1") == ("opcua-bridge", "plc-lyon-smt1")
