"""What a bench makes of its measurements: settings that make sense, honest ratios, a drawing that a browser takes."""

import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from tritonclient.grpc import model_config_pb2

from services.inference.backend import batches, openvino_sessions
from tools.bench import batching, machine, model, stanza, tables, triton
from tools.bench.accuracy import Bench, accuracy
from tools.bench.load import Measured
from tools.bench.model import figures
from tools.bench.plot import svg
from tools.bench.variants import latencies

ROW = {"setting": "1 x 2 threads", "concurrency": 1, "per_second": 100.0, "p50_ms": 9.0, "p99_ms": 12.0}

SPEED = {"variant": "FP32", "threads": 1, "batch": 4, "p50_ms": 10.0, "p95_ms": 12.0, "times": 1.0}


def test_a_preferred_batch_is_left_out_where_nobody_waits_for_it():
    found = list(batching.settings(["1x2", "2x1"], [0, 500], [0, 4]))

    assert [str(setting) for setting in found] == [
        "1 x 2 threads",
        "1 x 2 threads, batching",
        "1 x 2 threads, batching, waits 500 µs",
        "1 x 2 threads, batching, waits 500 µs for 4",
        "2 x 1 threads",
        "2 x 1 threads, batching",
        "2 x 1 threads, batching, waits 500 µs",
        "2 x 1 threads, batching, waits 500 µs for 4",
    ]
    with pytest.raises(ValueError, match="'2 by 1' is not instances x threads"):
        list(batching.settings(["2 by 1"], [0], [0]))


def test_a_setting_changes_the_schedule_and_nothing_else():
    base = triton.configuration(Path("model_repository/pcb_detector"))
    config = batching.Setting(3, 4, True, 500, 8).applied(base)

    assert config.instance_group[0].count == 3
    assert config.parameters["intra_op_thread_count"].string_value == "4"
    assert config.dynamic_batching.max_queue_delay_microseconds == 500
    assert list(config.dynamic_batching.preferred_batch_size) == [8]
    assert batching.Setting(2, 1).applied(base) == base  # what the repository has is what the sweep found best


def test_the_best_setting_is_the_one_with_most_pictures_within_the_limit():
    slow = {**ROW, "setting": "slow", "per_second": 200.0, "p99_ms": 80.0}

    assert batching.best([ROW, slow], 50)["setting"] == "1 x 2 threads"
    assert batching.best([ROW, slow], 100)["setting"] == "slow"
    assert batching.best([slow], 50)["setting"] == "slow"  # better than no answer
    assert batching.chosen([ROW], [batching.Setting(1, 2)], 50) == (ROW, batching.Setting(1, 2))


def test_the_drawings_show_what_a_call_and_a_request_take():
    assert model.lines([SPEED]) == {"FP32, threads: 1": [(100.0, 48.0, "4")]}
    assert batching.lines([ROW, {**ROW, "concurrency": 2}]) == {
        "1 x 2 threads": [(100.0, 12.0, "1"), (100.0, 12.0, "2")]
    }


def test_the_best_schedule_is_written_and_the_rest_of_the_file_left_alone(tmp_path):
    text = Path("model_repository/pcb_detector/config.pbtxt").read_text()
    base = triton.configuration(Path("model_repository/pcb_detector"))
    changed = stanza.scheduled(text, batching.Setting(3, 4, True, 500, 8).applied(base))
    stanza.write(tmp_path / "config.pbtxt", changed)

    assert triton.configuration(tmp_path) == batching.Setting(3, 4, True, 500, 8).applied(base)
    assert stanza.stanza(changed).splitlines()[:2] == [
        "instance_group [ { count: 3 } ]",
        'parameters { key: "intra_op_thread_count" value: { string_value: "4" } }',
    ]
    assert "dynamic_batching { preferred_batch_size: [8] max_queue_delay_microseconds: 500 }" in changed
    assert [line for line in changed.splitlines() if line not in stanza.stanza(changed)] == [
        line for line in text.splitlines() if line not in stanza.stanza(text)
    ]
    assert stanza.scheduled(changed, base) == text


def test_what_dynamic_batching_says_besides_its_waits_stays(tmp_path):
    text = "dynamic_batching {\n  preferred_batch_size: [ 2, 4 ]\n  default_queue_policy { max_queue_size: 64 }\n}\n"
    (tmp_path / "config.pbtxt").write_text(text)
    base = triton.configuration(tmp_path)

    assert stanza.scheduled(text, batching.Setting(1, 1, True, 500).applied(base)).startswith(
        "dynamic_batching { max_queue_delay_microseconds: 500 default_queue_policy { max_queue_size: 64 } }\n"
    )
    assert "dynamic_batching" not in stanza.scheduled(text, batching.Setting(1, 1).applied(base))


def test_a_schedule_is_added_where_there_is_none_and_never_guessed():
    base = model_config_pb2.ModelConfig(max_batch_size=8)
    added = stanza.scheduled("max_batch_size: 8", batching.Setting(2, 1).applied(base))
    with pytest.raises(ValueError, match="put it in by hand"):
        stanza.scheduled("instance_group { count: 1 }\ninstance_group { count: 2 }", base)

    assert added.startswith("max_batch_size: 8\ninstance_group [ { count: 2 } ]\n")


def test_accuracy_counts_flaws_found_and_good_boards_alarmed():
    bench = Bench.drawn(1)

    class Session:
        def run(self, outputs, inputs):
            found = np.zeros((1, 100, 6), np.float32)
            if inputs["images"] is bench.parts[0]:
                truth = bench.truths[0]
                found[0, : len(truth)] = np.insert(truth, 4, 0.9, axis=1)
            if inputs["images"] is bench.good[0]:
                found[0, 0] = (10, 10, 40, 40, 0.9, 0)
            return [found]

    seen = accuracy(Session(), bench, 0.5)

    assert len(bench.good) == 4
    assert (seen["f"], seen["map33"], seen["false_alarms"]) == (1.0, 1.0, 0.25)


def test_groups_that_are_not_there_are_named(tmp_path):
    (tmp_path / "PCBData/group8/1_not").mkdir(parents=True)
    (tmp_path / "PCBData/group8/1_not/a.txt").touch()
    (tmp_path / "PCBData/trainval.txt").write_text("group8/1/a.jpg group8/1_not/a.txt\n")
    with pytest.raises(ValueError, match="--holdout: no group 7"):
        Bench.of(tmp_path, ["7"])


def test_figures_are_those_of_all_rounds_together():
    measured = Measured(10, 1.0, [1.0] * 10)
    measured.add(Measured(30, 1.0, [3.0] * 30))

    assert figures(measured) == {"per_second": 20.0, "p50_ms": 3.0, "p99_ms": 3.0}


def test_sessions_take_turns():
    class Session:
        def __init__(self, name):
            self.name = name

        def run(self, outputs, inputs):
            calls.append(self.name)

    calls: list[str] = []
    sessions = {"a": Session("a"), "b": Session("b")}
    taken = latencies(sessions, np.zeros((1, 2, 4, 4), np.uint8), 2, 3, report=lambda: calls.append("round"))

    turn = ["round"] + ["a"] * 5 + ["b"] * 5  # two to warm up
    assert calls == turn * 2
    assert {name: len(ms) for name, ms in taken.items()} == {"a": 6, "b": 6}


def test_the_drawing_is_one_and_names_what_is_in_it():
    root = ET.fromstring(svg({"1 x 2 <fast>": [(100.0, 9.0, "1"), (150.0, 20.0, "2")]}, "pictures a second", "p99"))
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]

    assert "1 x 2 <fast>" in texts
    assert "pictures a second" in texts


def test_tables_hold_a_line_for_each_setting_and_variant():
    rows = [{**ROW, "concurrency": at} for at in (1, 2)]
    speed = [{**SPEED, "threads": threads, "variant": of} for threads in (1, 2) for of in ("FP32", "torch")]
    seen = dict.fromkeys(("map33", "map50_95", "map50_95_measured", "f", "false_alarms"), 0.99)

    assert tables.batching(rows, ROW).row_count == 1
    assert [table.row_count for table in tables.speed(speed, {"FP32": 5_000_000})] == [2, 2]
    assert tables.accuracy({"FP32": seen, "INT8": seen}, "two boards").row_count == 2
    assert {"cpu", "cores"} <= set(machine.described())


def test_requests_are_joined_or_answered_one_by_one_with_the_same_result():
    class Doubling:
        def run(self, names, feed):
            shapes.append(feed["x"].shape)
            return [2 * feed["x"] for _ in names]

    shapes: list[tuple[int, ...]] = []
    feeds = [{"x": np.full((rows, 2), rows, np.float32)} for rows in (1, 2)]
    joined = batches.Joined(Doubling()).run(["y"], feeds)
    one_by_one = batches.RowByRow(Doubling()).run(["y"], feeds)

    assert shapes == [(3, 2), (1, 2), (1, 2), (1, 2)]
    for mine, theirs, feed in zip(joined, one_by_one, feeds, strict=True):
        assert np.array_equal(mine[0], 2 * feed["x"])
        assert np.array_equal(theirs[0], 2 * feed["x"])


def test_the_shape_that_openvino_is_compiled_for():
    assert openvino_sessions.fixed({"images": (2, 640, 640), "mask": (1,)}, 4) == "images[4,2,640,640],mask[4,1]"
