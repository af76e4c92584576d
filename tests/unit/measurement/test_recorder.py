"""A number is said only of a window that can be believed, once, and the sensor learns what is wrong with any other."""

import asyncio
import hashlib
import math
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jidoka.measurement.v1 import measurement_pb2
from prometheus_client import REGISTRY

from services.chassis.errors import Conflict, Denied, Exhausted, Invalid, NotFound, Unavailable
from services.contracts import plant as plants
from services.contracts.plant import Plant
from services.measurement.adapters import wire
from services.measurement.domain.window import Channel, Part, Window, features
from services.measurement.handlers import Recorder
from tools.simulators.sensor import WearingTool

NOW_S = 1_700_000_000.0
SENSOR = "sensor-smt1-router"
TURN = np.linspace(0, 2 * np.pi, 1024, endpoint=False)
finite = st.floats(-(2.0**100), 2.0**100, width=32)


def plant(**channel) -> Plant:
    """The demo plant, with one channel of its sensor changed."""
    document = plants.load(Path("deploy/plants/demo.yaml")).model_dump()
    force = document["sites"][0]["lines"][0]["stations"][0]["sensors"][0]["channels"][0]
    force.update(record=("rms", "peak", "crest", "mean"), **channel)
    return Plant.model_validate(document)


def channel(samples, name: str = "force", unit: str = "N") -> Channel:
    samples = np.asarray(samples, dtype=np.float64)
    return Channel(name, unit, samples, f"sha-{hash(samples.tobytes())}")


def window(number: int = 1, *channels: Channel, **changes) -> Window:
    seen = channels or (channel(100 * np.sin(TURN * number)),)
    part = Part("lot1", 0, "")
    made = Window(f"w{number}", "lyon", "smt1", "aoi1", "T7", part, number, seen, NOW_S + number / 10)
    return replace(made, **changes)


class Said:
    """A broker that keeps what it is told; `away` as long as it is not there."""

    def __init__(self) -> None:
        self.all = []
        self.away = False
        self.slow: asyncio.Event | None = None

    async def recorded(self, measurement) -> None:
        if self.slow:
            await self.slow.wait()
        if self.away:
            raise Unavailable("the broker is away")
        self.all.append(measurement)


@pytest.fixture
def said() -> Said:
    return Said()


def recorder(said: Said, *, max_in_flight: int = 4, **channel) -> Recorder:
    return Recorder(plant(**channel), said, lambda: NOW_S, max_in_flight, 2, 5.0)


@given(amplitude=st.floats(1e-3, 1e6), turns=st.integers(1, 400), offset=st.floats(-1e3, 1e3))
def test_a_sine_has_the_features_of_the_textbook(amplitude, turns, offset):
    found = features(amplitude * np.sin(turns * TURN + 0.1) + offset)

    assert found["mean"] == pytest.approx(offset, abs=1e-9 * (amplitude + abs(offset)))
    assert found["rms"] == pytest.approx(math.sqrt(amplitude**2 / 2 + offset**2))
    assert found["peak"] <= amplitude + abs(offset) + 1e-9 * amplitude


def test_a_sine_without_offset_has_crest_root_two_and_a_square_wave_one():
    sine, square = features(np.sin(TURN * 4)), features(np.where(np.arange(1024) % 2, 3.0, -3.0))

    assert sine == pytest.approx({"rms": 1 / math.sqrt(2), "peak": 1.0, "crest": math.sqrt(2), "mean": 0.0}, abs=1e-12)
    assert square == {"rms": 3.0, "peak": 3.0, "crest": 1.0, "mean": 0.0}


@given(samples=st.lists(finite, min_size=2, max_size=64).filter(lambda s: any(abs(x) > 1e-15 for x in s)))
def test_features_keep_their_order_whatever_the_samples(samples):
    found = features(np.array(samples))

    slack = 1 + 1e-12
    assert abs(found["mean"]) <= found["rms"] * slack
    assert found["rms"] <= found["peak"] * slack
    assert found["crest"] * slack >= 1
    assert found["crest"] <= math.sqrt(len(samples)) * slack


async def test_every_feature_is_said_with_unit_source_and_an_id_of_its_own_before_the_answer(said):
    measured = await recorder(said).record(window(), SENSOR)

    assert {m.name: m.unit for m in said.all} == {
        "force.rms": "N", "force.peak": "N", "force.crest": "1", "force.mean": "N"
    }  # fmt: skip
    assert [m.measurement_id for m in measured] == [f"{SENSOR}:w1:{m.name}" for m in measured]
    assert {m.source_sha256 for m in measured} == {window().channels[0].sha256}
    assert next(m.value for m in measured if m.name == "force.rms") == pytest.approx(100 / math.sqrt(2))


@pytest.mark.parametrize(
    ("spoil", "reason", "field", "says"),
    [
        (lambda s: s[:1000], "length", "samples", "has 1000 samples.*windows of 1024"),
        (lambda s: [], "length", "samples", "has 0 samples"),
        (lambda s: np.where(np.arange(1024) == 7, np.nan, s), "not-a-number", "samples", "sample 7 is nan"),
        (lambda s: np.where(np.arange(1024) == 9, np.inf, s), "not-a-number", "samples", "sample 9 is inf"),
        (lambda s: np.clip(s * 1000, -5000, 5000), "saturated", "samples", "end of the range -5000 to 5000.*gain"),
        (lambda s: np.full(1024, 3.25), "dead", "samples", "all samples are 3.25.*cable"),
        (lambda s: np.zeros(1024), "dead", "samples", "dead or disconnected"),
    ],
)
async def test_a_window_that_cannot_be_believed_is_refused_with_field_and_fix_and_counted(
    said, spoil, reason, field, says
):
    labels = {"station": "lyon/smt1/aoi1", "reason": reason}
    before = REGISTRY.get_sample_value("jidoka_windows_refused_total", labels) or 0
    with pytest.raises(Invalid, match=rf"window\.channels\[0\] \(force\)\.{field}.*{says}"):
        await recorder(said).record(window(1, channel(spoil(100 * np.sin(TURN)))), SENSOR)

    assert said.all == []
    assert REGISTRY.get_sample_value("jidoka_windows_refused_total", labels) == before + 1


async def test_a_peak_that_just_fits_the_range_is_no_saturation(said):
    samples = 100 * np.sin(TURN)
    samples[[3, 500]] = 5000.0
    await recorder(said).record(window(1, channel(samples)), SENSOR)

    assert next(m.value for m in said.all if m.name == "force.peak") == 5000


@pytest.mark.parametrize(
    ("made", "field"),
    [
        (window(1, channel(np.sin(TURN), unit="kN")), r"\(force\)\.unit.*'kN'.*send N"),
        (window(1, channel(np.sin(TURN), name="torque")), r"window\.channels: are torque.*each of force once"),
        (window(1, channel(np.sin(TURN)), channel(np.cos(TURN))), r"window\.channels: are force, force"),
        (replace(window(), channels=()), r"window\.channels: are none"),
        (window(window_id="no spaces"), r"window\.window_id"),
        (window(tool="T 7"), r"window\.tool"),
        (window(recorded_at_s=NOW_S + 60), r"window\.recorded_at: is 60 s in the future.*clock"),
    ],
)
async def test_what_the_sensor_says_about_its_window_must_be_what_the_plant_file_says(said, made, field):
    with pytest.raises(Invalid, match=field):
        await recorder(said).record(made, SENSOR)

    assert said.all == []


async def test_only_the_sensor_of_the_station_may_send_for_it(said):
    with pytest.raises(Denied, match="camera-smt1-aoi1 may not send"):
        await recorder(said).record(window(), "camera-smt1-aoi1")
    with pytest.raises(NotFound, match="known: lyon/smt1/aoi1"):
        await recorder(said).record(window(station="aoi2"), SENSOR)


async def test_a_window_sent_again_says_the_same_ids_and_one_with_other_samples_under_its_id_is_a_conflict(said):
    at = recorder(said)
    said.away = True
    with pytest.raises(Unavailable):
        await at.record(window(), SENSOR)
    said.away = False
    first, again = await at.record(window(), SENSOR), await at.record(window(), SENSOR)

    assert [m.measurement_id for m in first] == [m.measurement_id for m in again]
    with pytest.raises(Conflict, match="window_id: had other samples"):
        await at.record(window(1, channel(np.cos(TURN))), SENSOR)


async def test_a_frozen_buffer_is_refused_though_its_samples_look_healthy(said):
    at, same = recorder(said), channel(np.sin(TURN))
    await at.record(window(1, same), SENSOR)
    with pytest.raises(Invalid, match="are the very samples of window w1"):
        await at.record(window(2, same), SENSOR)


async def test_a_sensor_that_counts_from_one_again_is_told_before_the_rules_ignore_it(said):
    at = recorder(said)
    await at.record(window(8), SENSOR)
    with pytest.raises(Invalid, match=r"sequence: is 1 after 8.*begin a new lot"):
        await at.record(window(9, sequence=1), SENSOR)
    await at.record(window(10, sequence=1, tool="T8"), SENSOR)
    await at.record(window(11, sequence=0), SENSOR)


async def test_a_window_that_was_kept_back_comes_late_and_is_welcome(said):
    at = recorder(said)
    await at.record(window(8), SENSOR)
    await at.record(window(7), SENSOR)
    with pytest.raises(Invalid, match=r"is 3 after 8"):
        await at.record(window(9, sequence=3), SENSOR)


async def test_a_steady_quantity_may_stand_still(said):
    document = plant().model_dump()
    sensor = document["sites"][0]["lines"][0]["stations"][0]["sensors"][0]
    sensor["channels"] = [{"name": "force", "unit": "N", "low": 0, "high": 90, "steady": True, "record": ["mean"]}]
    document["rule_set"]["rules"] = []
    at = Recorder(Plant.model_validate(document), said, lambda: NOW_S, 4, 2, 5.0)
    still = channel(np.full(1024, 21.5))
    await at.record(window(1, still), SENSOR)
    await at.record(window(2, still), SENSOR)

    assert [(m.name, m.value) for m in said.all] == [("force.mean", 21.5)] * 2


async def test_more_windows_than_the_service_takes_are_refused_before_acceptance(said):
    at = recorder(said, max_in_flight=1)
    said.slow = asyncio.Event()
    first = asyncio.create_task(at.record(window(1), SENSOR))
    await asyncio.sleep(0)
    with pytest.raises(Exhausted, match="1 windows are being recorded"):
        await at.record(window(2), SENSOR)
    said.slow.set()
    await first
    assert len(said.all) == 4


async def test_a_sensor_without_a_clock_gets_ours(said):
    await recorder(said).record(window(recorded_at_s=0.0), SENSOR)

    assert {m.window.recorded_at_s for m in said.all} == {NOW_S}


def test_what_the_wire_carries_is_what_was_sent_and_its_digest_that_of_the_floats():
    sent = measurement_pb2.Window(window_id="w", tool="T7", sequence=3)
    sent.channels.add(name="force", unit="N", samples=[1.5, -2.25])
    got = wire.window(sent)

    assert got.channels[0].samples.tolist() == [1.5, -2.25]
    assert got.channels[0].sha256 == hashlib.sha256(struct.pack("<2f", 1.5, -2.25)).hexdigest()
    assert got.part == Part()


def test_the_made_up_tool_wears_as_it_says():
    tool = WearingTool(life=50, scatter=0.0)
    windows = [each for each, _ in zip(tool.windows(), range(51), strict=False)]
    levels = [features(each)["rms"] for each in windows]

    assert levels[0] == pytest.approx(350, rel=0.05)
    assert levels[50] == pytest.approx(700, rel=0.05)
    assert max(np.abs(windows[50])) < 5000
