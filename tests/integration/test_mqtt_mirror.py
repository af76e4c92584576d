"""The unified namespace over the real broker's MQTT listener, read with a client that is not ours."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml
from aiomqtt import Client, MqttError, ProtocolVersion
from jidoka.frame.v1 import frame_pb2
from jidoka.line.v1 import line_pb2
from jidoka.verdict.v1 import verdict_pb2
from servers import wait_for_port

from services.chassis.bus import Bus
from services.contracts.subjects import LINE_STATE_CHANGED, SERVICES, VERDICT_REACHED
from tools.plant import leash
from tools.plant.broker import ADMIN, MQTT_READER, MQTT_WRITER, MqttListener, nats_config
from tools.plant.provision import provision
from tools.ports import free_port

ROOT = Path(__file__).parents[2]
AT = frame_pb2.StationPath(site="lyon", line="smt1", station="aoi1")
LINE_TOPICS = "uns/jidoka/lyon/electronics/smt1"


@dataclass
class Broker:
    """nats-server as `jidoka up` configures it, with its MQTT listener."""

    folder: Path
    port: int = field(default_factory=free_port)
    mqtt_port: int = field(default_factory=free_port)

    def __post_init__(self) -> None:
        passwords = {user: f"{user}-pw" for user in (ADMIN, *SERVICES)}
        accounts = {MQTT_WRITER: "writer-pw", MQTT_READER: "reader-pw"}
        listener = MqttListener(f"127.0.0.1:{self.mqtt_port}", "uns", accounts)
        text = nats_config(f"127.0.0.1:{self.port}", self.folder / "jetstream", passwords, listener)
        (self.folder / "nats.conf").write_text(text)
        self.start()

    def start(self) -> None:
        log = ["-l", str(self.folder / "nats.log")]
        self.process = leash.popen(["nats-server", "-c", str(self.folder / "nats.conf"), *log])
        wait_for_port(self.port)
        wait_for_port(self.mqtt_port)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def client(self, user: str = MQTT_READER, password: str = "reader-pw") -> Client:
        where = {"hostname": "127.0.0.1", "port": self.mqtt_port, "protocol": ProtocolVersion.V311}
        return Client(**where, username=user, password=password, timeout=10)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    broker = Broker(tmp_path)
    yield broker
    broker.kill()


@pytest.fixture
async def admin(broker: Broker) -> AsyncIterator[Bus]:
    bus = Bus(f"nats://127.0.0.1:{broker.port}", ADMIN, f"{ADMIN}-pw")
    await bus.start()
    await provision(bus)
    yield bus
    await asyncio.wait_for(bus.stop(), 5)


@pytest.fixture
def mirror(broker: Broker, admin: Bus, tmp_path: Path) -> Iterator[subprocess.Popen]:
    """The service as its own process: a last will is only sent for somebody who dies."""
    plant = yaml.safe_load((ROOT / "deploy/plants/demo.yaml").read_text()) | {"mqtt": {"root": "uns"}}
    (tmp_path / "plant.yaml").write_text(yaml.safe_dump(plant))
    (tmp_path / "nats-pw").write_text("mqtt-mirror-pw")
    (tmp_path / "mqtt-pw").write_text("writer-pw")
    told = {
        "plant_file": tmp_path / "plant.yaml",
        "nats_url": f"nats://127.0.0.1:{broker.port}",
        "nats_password_file": tmp_path / "nats-pw",
        "mqtt_address": f"127.0.0.1:{broker.mqtt_port}",
        "mqtt_user": MQTT_WRITER,
        "mqtt_password_file": tmp_path / "mqtt-pw",
    }
    env = os.environ | {f"JIDOKA_MQTT_MIRROR_{key.upper()}": str(value) for key, value in told.items()}
    with (tmp_path / "mirror.log").open("wb") as log:
        process = leash.popen([sys.executable, "-m", "services.mqtt_mirror"], cwd=ROOT, env=env, stderr=log)
    yield process
    process.kill()
    process.wait()


async def until_heard(client: Client, topic: str, wanted) -> tuple[dict, bool]:
    """The first payload on the topic that is as wanted, and whether it was retained."""
    async with asyncio.timeout(30):
        async for message in client.messages:
            said = json.loads(message.payload)
            if str(message.topic) == topic and wanted(said):
                return said, message.retain
    raise AssertionError("the broker hung up")


async def line_is(admin: Bus, state: int, at_s: int) -> None:
    message = line_pb2.LineStateChanged(station=AT, packml_state=state, link_up=True, remote_pause_enabled=True)
    message.changed_at.FromSeconds(at_s)
    await admin.publish(LINE_STATE_CHANGED.at(AT), message, f"line-{at_s}")


async def test_results_come_live_and_whoever_comes_late_still_learns_the_state(broker, admin, mirror):
    async with broker.client() as early:
        await early.subscribe("uns/#", qos=1)
        await until_heard(early, "uns/vision/online", lambda said: said["online"])
        verdict = verdict_pb2.Verdict(inspection_id="i1", station=AT, outcome=verdict_pb2.OUTCOME_FAIL)
        verdict.judged_at.GetCurrentTime()
        await admin.publish(VERDICT_REACHED.at(AT), verdict, "i1")
        result, retained = await until_heard(early, f"{LINE_TOPICS}/aoi1/vision/result", lambda said: True)
        await line_is(admin, 11, 100)
        await until_heard(early, f"{LINE_TOPICS}/vision/state", lambda said: said["state"] == "Held")

    assert result["verdict"] == "FAIL"
    assert result["inspection"] == "i1"
    assert not retained
    async with broker.client() as late:
        await late.subscribe("uns/#", qos=1)
        held, retained = await until_heard(late, f"{LINE_TOPICS}/vision/state", lambda said: True)
    assert (held["state"], held["number"], retained) == ("Held", 11, True)


async def test_a_mirror_that_dies_leaves_its_last_will_and_one_that_stops_says_goodbye(broker, admin, mirror):
    async with broker.client() as watcher:
        await watcher.subscribe("uns/vision/online", qos=1)
        await until_heard(watcher, "uns/vision/online", lambda said: said["online"])
        mirror.send_signal(signal.SIGKILL)
        await until_heard(watcher, "uns/vision/online", lambda said: not said["online"])


async def test_states_are_said_again_to_a_broker_that_lost_its_memory(broker, admin, mirror):
    async with broker.client() as watcher:
        await watcher.subscribe(f"{LINE_TOPICS}/vision/state", qos=1)
        await line_is(admin, 6, 100)
        await until_heard(watcher, f"{LINE_TOPICS}/vision/state", lambda said: said["state"] == "Execute")
    messages = await admin.jetstream.stream_info("$MQTT_rmsgs")
    assert messages.state.messages > 0
    await admin.jetstream.purge_stream("$MQTT_rmsgs")
    broker.kill()
    broker.start()
    async with broker.client() as watcher:
        await watcher.subscribe(f"{LINE_TOPICS}/vision/state", qos=1)
        said, _ = await until_heard(watcher, f"{LINE_TOPICS}/vision/state", lambda said: True)
    assert said["state"] == "Execute"


async def test_nothing_can_be_commanded_and_no_fact_be_read_over_mqtt(broker, admin):
    before = (await admin.jetstream.stream_info("LINE")).state.last_seq
    for user, password in ((MQTT_READER, "reader-pw"), (MQTT_WRITER, "writer-pw")):
        with contextlib.suppress(MqttError):  # the broker may hang up on whoever tries
            async with broker.client(user, password) as stranger:
                await stranger.publish("jidoka/v1/line/pause-requested/lyon/smt1/aoi1", b"stop", qos=0)
                await stranger.subscribe("jidoka/#", qos=0)
    with contextlib.suppress(MqttError):
        async with broker.client() as reader:
            await reader.publish(f"{LINE_TOPICS}/vision/state", b"{}", qos=0, retain=True)

    assert (await admin.jetstream.stream_info("LINE")).state.last_seq == before
    assert (await admin.jetstream.stream_info("$MQTT_rmsgs")).state.messages == 0
    with pytest.raises(MqttError):
        async with broker.client("mqtt-mirror", "mqtt-mirror-pw") as twisted:
            await twisted.publish("uns/x", b"{}", qos=1)
    with pytest.raises(MqttError):
        async with broker.client(MQTT_READER, "wrong"):
            pass
