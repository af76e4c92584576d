"""Every bench runs against the real Triton and writes what it promises; how fast, no test asserts."""

import json
import shutil

from typer.testing import CliRunner

from tools.bench import triton
from tools.cli import app
from tools.train.config import Config
from tools.train.state import State

ONE = ["--concurrency", "1", "--rounds", "1"]


def run(*arguments):
    done = CliRunner().invoke(app, ["bench", *arguments])
    assert done.exit_code == 0, done.output
    return done.output


def test_the_models_variants_and_tritons_share(tmp_path):
    files = ["--json", str(tmp_path / "f.json"), "--plot", str(tmp_path / "f.svg")]
    checkpoint = tmp_path / "checkpoint.pt"
    State.fresh(Config()).save(checkpoint)
    short = ["--threads", "1", "--batch", "1", "--runs", "1", "--boards", "1", *ONE]
    out = run("model", "--checkpoint", str(checkpoint), *short, *files)
    found = json.loads((tmp_path / "f.json").read_text())

    assert found["machine"]["cores"] >= 1
    reference, *others = found["speed"]
    assert (reference["variant"], reference["times"]) == ("FP32, ONNX Runtime", 1.0)
    assert {"INT8, ONNX Runtime", "FP32, torch"} <= {row["variant"] for row in others}
    assert all(row["p95_ms"] >= row["p50_ms"] > 0 for row in found["speed"])
    assert found["accuracy"].keys() == {row["variant"] for row in found["speed"]}
    assert {"map33", "map50_95", "f", "false_alarms"} <= found["accuracy"]["INT8, ONNX Runtime"].keys()
    assert found["boards"] == "1 generated boards"
    assert (tmp_path / "f.svg").read_text().startswith("<svg")
    (row,) = found["triton"]["rows"]
    assert row["share"] == round(row["per_second"] / row["direct_per_second"], 3)
    assert found["bytes"]["INT8, ONNX Runtime"] < 0.4 * found["bytes"]["FP32, ONNX Runtime"]
    assert "through Triton" in out


def test_the_sweep_of_the_schedule(tmp_path):
    files = ["--json", str(tmp_path / "f.json"), "--plot", str(tmp_path / "f.svg")]
    model = shutil.copytree("model_repository/pcb_detector", tmp_path / "pcb_detector")
    short = ["--arrangement", "1x1", "--delay-us", "0", "--seconds", "0.3", *ONE]
    out = run("batching", "--model", str(model), *short, *files, "--write")
    found = json.loads((tmp_path / "f.json").read_text())

    assert [row["setting"] for row in found["rows"]] == ["1 x 1 threads", "1 x 1 threads, batching"]
    assert found["best"] in found["rows"]
    assert found["best"]["per_second"] > 0
    assert (tmp_path / "f.svg").read_text().startswith("<svg")
    assert "1 x 1 threads" in out
    assert "instance_group [ { count: 1 } ]" in out
    assert triton.configuration(model).instance_group[0].count == 1


def test_a_model_that_is_not_there_ends_with_its_message(tmp_path):
    done = CliRunner().invoke(app, ["bench", "model", "--model", str(tmp_path), "--no-triton"])

    assert done.exit_code == 1
    assert "model_fp32.onnx" in done.output


def test_a_wrong_arrangement_ends_with_its_message():
    done = CliRunner().invoke(app, ["bench", "batching", "--arrangement", "two"])

    assert done.exit_code == 1
    assert "'two' is not instances x threads" in done.output
