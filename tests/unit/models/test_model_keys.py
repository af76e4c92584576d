"""A key is made, published, and vouches; `verify` says what the plant would say."""

import hashlib
import stat
from pathlib import Path

from click.testing import Result
from typer.testing import CliRunner

from tools.cli import app
from tools.train.sign import sign, signing_key


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["model", *map(str, arguments)])


def test_the_shipped_model_would_be_served() -> None:
    result = run("verify")

    assert result.exit_code == 0, result.output
    assert "model_repository/pcb_detector: good. 4 files are as signed, the threshold is 0." in result.output
    assert "Version 1 is served as pcb_detector." in result.output


def test_a_key_signs_what_is_then_served_until_it_is_taken_out(tmp_path: Path) -> None:
    private, trust = tmp_path / "keys/model.pem", tmp_path / "trust"
    made = run("key", "--key", private, "--trust", trust)
    assert made.exit_code == 0, made.output
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert run("key", "--key", private, "--trust", trust).output == made.output, "the same key, not another one"
    model = tmp_path / "models/pcb"
    (model / "1").mkdir(parents=True)
    (model / "1/model.onnx").write_bytes(b"network")
    (model / "config.pbtxt").write_text('backend: "onnxruntime"\n')
    (model / "labels.txt").write_text("open\n")
    files = {"1/model.onnx": b"network", "labels.txt": b"open\n"}
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    sign(model, {"name": "pcb", "files": digests}, signing_key(private, trust))
    assert run("verify", model, "--trust", trust).exit_code == 0

    (public,) = trust.iterdir()
    public.unlink()
    refused = run("verify", model, "--trust", trust)
    assert refused.exit_code == 1
    assert f"is no key in {trust}" in refused.output
    assert len(refused.output.strip().splitlines()) == 1
