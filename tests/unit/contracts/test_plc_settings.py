"""A line's PLC in the plant file: what cannot work is said before a service starts, with field and fix."""

import pytest
import yaml

from services.contracts.plant import Plant, PlantError, load
from services.contracts.plc import Plc
from tools.plant.state import REPOSITORY

DEMO = REPOSITORY / "deploy" / "plants" / "demo.yaml"


def plc(**given) -> Plc:
    return Plc(url="opc.tcp://127.0.0.1:4840/plc", namespace="urn:plc", **given)


def loaded(folder, **given) -> Plant:
    plant = yaml.safe_load(DEMO.read_text())
    plant["sites"][0]["lines"][0]["plc"] |= given
    path = folder / "plant.yaml"
    path.write_text(yaml.safe_dump(plant))
    return load(path)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"adapter": "modbus"}, "one of 'visif', 'packml' or 'tag'"),
        ({"nodes": {"ReqCmdID": "X.Y"}}, "nodes.ReqCmdID: is nothing that the adapter visif uses; fix: did you mean"),
        ({"adapter": "packml", "nodes": {"Hold": ""}}, "plc.nodes.Hold: is empty"),
        ({"state_map": {11: "hold"}}, "plc.state_map.11: 'hold' is no state of PackML; fix: did you mean 'held'"),
        ({"state_map": {6: "execute"}}, "plc.state_map: names no number for held; fix: add the number"),
        ({"adapter": "tag", "on_link_loss": "hold"}, "plc.on_link_loss: the adapter tag cannot tell the PLC; fix:"),
        ({"link_dead_s": 1.0}, "link_dead_s: Input should be greater than or equal to 1.5; fix: must be 1.5"),
        ({"pause_group": "cell"}, "plc.pause_group: 'cell' has no other line; fix: give another line the same group"),
        ({"security_policy": "None"}, "one of 'Basic256Sha256' or 'Aes256Sha256RsaPss'"),
        ({"priority": 256}, "must be 255 or less"),
    ],
)
def test_what_cannot_work_is_named_with_field_and_fix(tmp_path, given, said):
    with pytest.raises(PlantError) as raised:
        loaded(tmp_path, **given)
    assert said in str(raised.value)


def test_a_line_that_says_nothing_has_the_handshake_block_and_tr88():
    it = plc()
    assert it.node_ids["ReqCmdId"] == "VisIf.ReqCmdId"
    assert (it.states[6], it.states[11], it.states.get(99)) == (6, 11, None)


def test_a_plc_that_counts_its_states_otherwise_is_understood_and_what_it_does_not_name_is_unknown():
    it = plc(state_map={15: "held", 7: "execute", 14: "holding"})
    assert (it.states[15], it.states[7], it.states.get(11)) == (11, 6, None)


def test_a_simple_plc_may_lack_state_and_heartbeats_and_name_its_own_nodes():
    it = plc(adapter="tag", nodes={"Paused": "i=4711", "StateCurrent": "", "HbVis": "", "HbPlc": ""})
    assert it.node_ids == {"PauseRequest": "Tag.PauseRequest", "Paused": "i=4711"}
