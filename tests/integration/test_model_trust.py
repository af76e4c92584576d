"""The inference service serves what a trusted key has signed, from copies that nobody else can change.

The attacks are those that worked (attack.md S1, S2, S10): a linked version folder with code in it, a forged statement
about a plan, and another file in the model's place between the check and the load.
"""

import os
import shutil
import signal
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.protobuf.json_format import MessageToJson
from inference_service import ADMIN_KEY, Inference, Issuer, digest, issuing, network, sign_model, until, write_model
from jidoka.model.v1 import model_service_pb2

from services.inference.adapters.served_config import parse
from services.inference.adapters.triton_grpc import ADMIN_HEADER

READY = model_service_pb2.MODEL_STATE_READY


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with issuing() as issuer:
        yield issuer


@pytest.fixture
def own(tmp_path: Path, issuer: Issuer) -> Iterator[Inference]:
    """A service that serves `good`, which a test may attack."""
    inference = Inference(tmp_path, issuer, "good")
    write_model(inference.repository / "good")
    inference.start()
    until(inference.serves, inference)
    yield inference
    inference.stop()


def complaint(inference: Inference) -> str:
    return inference.models()["good"].detail


def next_life(inference: Inference) -> None:
    """Triton dies, and all is served again."""
    server = inference.pid("tritonserver")
    os.kill(server, signal.SIGKILL)
    until(lambda: server not in inference.processes(), inference)
    until(inference.serves, inference)


def test_an_unsigned_model_is_named_and_not_served_until_it_is_signed_while_the_other_serves(tmp_path, issuer):
    inference = Inference(tmp_path, issuer, "good", "unsigned", "changed")
    models = inference.repository
    for name in ("good", "unsigned", "changed"):
        write_model(models / name)
    (models / "unsigned/manifest.dsse.json").unlink()
    (models / "changed/labels.txt").write_text("pin hole\nopen\n")
    inference.start()
    try:
        until(lambda: inference.failed("unsigned", "changed"), inference)
        detail = {name: model.detail for name, model in inference.models().items()}
        assert f"no signature at {models}/unsigned/manifest.dsse.json" in detail["unsigned"]
        assert "changed/labels.txt is not the file that was signed" in detail["changed"]
        for text in (detail["unsigned"], detail["changed"]):
            assert "jidoka export --key FILE" in text
            assert "\n" not in text
        until(lambda: inference.models()["good"].state == READY, inference)
        with inference.client() as client:
            index = client.get_model_repository_index(headers={ADMIN_HEADER: ADMIN_KEY}).models
        assert {model.name for model in index if model.state == "READY"} == {inference.served()}

        sign_model(models / "unsigned")
        sign_model(models / "changed")
        until(inference.ready, inference)
    finally:
        inference.stop()


def test_an_unsigned_version_beside_a_good_one_stops_nothing_and_is_said(own: Inference) -> None:
    """One file too many stopped the inspection of a line, although the signed network was whole."""
    before = own.models()["good"]
    network(own.repository / "good/2/model.onnx", factor=0)
    until(lambda: "2/model.onnx is not in the signed manifest" in complaint(own), own)

    now = own.models()["good"]
    assert (now.state, now.digest, now.served_name) == (READY, before.digest, before.served_name)
    assert own.ready()
    assert own.grey_level(9) == 9

    next_life(own)  # it loads the copy, not what lies in the folder now
    assert own.models()["good"].digest == before.digest

    shutil.rmtree(own.repository / "good/2")
    until(lambda: not complaint(own), own)


def test_s1_a_linked_version_folder_with_code_in_it_is_not_entered(own: Inference, tmp_path: Path) -> None:
    good, ran = own.repository / "good", tmp_path / "ran"
    evil = tmp_path / "evil"
    shutil.copytree(good / "1", evil)
    (evil / "model.py").write_text(f"open({str(ran)!r}, 'w').close()\n")
    (evil / "libtriton_onnxruntime.so").write_bytes(b"native code")
    shutil.rmtree(good / "1")
    (good / "1").symlink_to(evil)
    until(lambda: "good/1 is a link" in complaint(own), own)
    assert own.serves()

    own.stop()
    own.start()
    until(lambda: own.failed("good"), own)
    assert "good/1 is a link" in complaint(own)
    assert not ran.exists()


def test_s2_a_forged_statement_about_a_plan_has_no_other_network_served(own: Inference) -> None:
    good = own.repository / "good"
    before = own.models()["good"].digest
    network(good / "1/model.plan", factor=0)
    statement = f'{{"source": "{before}", "sha256": "{digest(good / "1/model.plan")}"}}'
    (good / "1/model.plan.json").write_text(statement)
    config = (good / "config.pbtxt").read_text()
    (good / "config.pbtxt").write_text(config + 'default_model_filename: "model.plan"\n')
    until(lambda: "model.plan is no file for onnxruntime" in complaint(own), own)
    assert own.grey_level(9) == 9

    as_plan = config.replace('backend: "onnxruntime"', 'platform: "tensorrt_plan"')
    (good / "config.pbtxt").write_text(as_plan.partition("optimization")[0])
    until(lambda: "no plan at" in complaint(own) or "is not of this node" in complaint(own), own)
    assert own.models()["good"].digest == before
    assert own.grey_level(9) == 9


def test_s10_another_network_in_its_place_after_the_check_is_never_what_answers(own: Inference) -> None:
    """Whatever moment somebody chooses: the server reads a copy that was hashed where nobody else writes."""
    good = own.repository / "good"
    before, signed = own.models()["good"], (good / "1/model.onnx").read_bytes()
    copies = own.work_dir / "staging/models"
    (copy,) = copies.iterdir()
    assert copy.name == before.served_name
    assert stat.S_IMODE(own.work_dir.joinpath("staging").stat().st_mode) == 0o700
    assert stat.S_IMODE(copy.stat().st_mode) == 0o500
    assert {path.relative_to(copy).as_posix() for path in copy.rglob("*") if path.is_file()} == {
        *("1/model.onnx", "config.pbtxt", "labels.txt")
    }

    network(good / "1/model.onnx", factor=0)
    until(lambda: "1/model.onnx is not the file that was signed" in complaint(own), own)
    next_life(own)
    (good / "1/model.onnx").write_bytes(signed)
    until(lambda: not complaint(own), own)
    assert own.serves()


def test_a_copy_that_was_changed_is_noticed_before_the_next_life_loads_it(own: Inference) -> None:
    copy = own.work_dir / "staging/models" / own.served() / "1/model.onnx"
    copy.chmod(0o600)
    network(copy, factor=0)
    next_life(own)

    assert "was changed" in own.log.read_text()


def test_what_somebody_loads_under_the_served_name_is_taken_away_again(own: Inference) -> None:
    """Who shares Triton's admin key could have it load anything."""
    spoilt = own.work_dir / "spoilt.onnx"
    network(spoilt, factor=0)
    config = MessageToJson(parse(own.repository / "good/config.pbtxt"))
    with own.client() as client:
        client.load_model(
            own.served(),
            config=config,
            files={"file:2/model.onnx": spoilt.read_bytes()},
            headers={ADMIN_HEADER: ADMIN_KEY},
        )
    until(lambda: "answered as version 2" in own.log.read_text() or "answered as version 2" in complaint(own), own)
    until(own.serves, own)
