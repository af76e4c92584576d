"""What breaks is noticed, named and repaired: model processes, the server, the supervisor, the models themselves."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from inference_service import ADMIN_KEY, Inference, Issuer, issuing, until, write_model


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with issuing() as issuer:
        yield issuer


@pytest.fixture
def own(tmp_path, issuer) -> Iterator[Inference]:
    """A running service that a test may hurt."""
    inference = Inference(tmp_path, issuer, "good")
    write_model(inference.repository / "good")
    inference.start()
    until(inference.ready, inference)
    yield inference
    inference.stop()


def test_a_killed_model_process_is_noticed_and_all_is_served_again(own: Inference):
    victim, server = own.pid("triton_python_backend_stub"), own.pid("tritonserver")
    os.kill(victim, signal.SIGKILL)
    until(lambda: not own.ready(), own)
    until(own.serves, own)

    assert not {victim, server} & set(own.processes())
    assert f"model process {victim} died" in own.log.read_text()
    assert len(own.regions()) == 1


def test_a_frozen_model_process_is_found_by_its_silence(own: Inference):
    frozen = own.pid("triton_python_backend_stub")
    os.kill(frozen, signal.SIGSTOP)
    until(lambda: "the model server is started again: Triton: Stub process" in own.log.read_text(), own)
    until(own.serves, own)

    assert frozen not in own.processes()


def test_a_killed_server_is_started_again(own: Inference):
    victim = own.pid("tritonserver")
    os.kill(victim, signal.SIGKILL)
    until(lambda: not own.ready(), own)
    until(own.serves, own)

    assert victim not in own.processes()
    assert "tritonserver was ended by SIGKILL" in own.log.read_text()
    assert ADMIN_KEY not in own.log.read_text() + (own.work_dir / "tritonserver.log").read_text()


def test_nothing_survives_a_killed_supervisor(own: Inference):
    stale = Path("/dev/shm") / f"{own.shm_prefix}of-an-earlier-life"
    stale.write_bytes(b"x")
    before = own.regions()
    server = own.pid("tritonserver")
    own.kill()
    until(lambda: server not in own.processes(), own, deadline_s=2)
    until(lambda: not own.processes(), own, deadline_s=8)

    own.start()
    until(own.serves, own)
    assert not before & own.regions()
    own.stop()
    assert not own.regions()
    assert not own.processes()


def test_a_leftover_of_an_earlier_life_is_ended_before_the_next(own: Inference):
    """A frozen model process cannot see that its server has gone, and would hold its memory for ever."""
    frozen = own.pid("triton_python_backend_stub")
    os.kill(frozen, signal.SIGSTOP)
    own.kill()
    own.start()
    until(own.serves, own)

    assert frozen not in own.processes()


def test_bad_models_are_named_with_the_fix_and_the_good_one_serves_meanwhile(tmp_path, issuer):
    inference = Inference(tmp_path, issuer, "good", "missing", "shape", "contradiction", "typo")
    models = inference.repository
    for name in ("good", "shape", "contradiction", "typo"):
        write_model(models / name, **({"output": "boxes", "rows": 50} if name == "shape" else {}))
    config = (models / "good/config.pbtxt").read_text()
    (models / "contradiction/config.pbtxt").write_text(config.replace("TYPE_UINT8", "TYPE_FP32"))
    (models / "typo/config.pbtxt").write_text(config.replace("max_batch_size", "max_batch"))
    inference.start()
    try:
        until(lambda: inference.failed("missing", "shape", "contradiction", "typo"), inference)
        server = inference.pid("tritonserver")
        detail = {name: model.detail for name, model in inference.models().items()}
        assert f"no model in {models}/missing" in detail["missing"]
        assert f"{models}/missing/1/model.onnx" in detail["missing"]
        assert "expected output detections FP32 [-1,100,6], found boxes FP32 [-1,50,6]" in detail["shape"]
        assert "configuration expects datatype TYPE_FP32 for input 'images'" in detail["contradiction"]
        assert "model provides TYPE_UINT8" in detail["contradiction"]
        assert 'typo/config.pbtxt:3:1 : Message type "inference.ModelConfig" has no field' in detail["typo"]
        until(inference.served, inference)
        assert inference.grey_level(5) == 5
        assert not inference.ready()

        for name in ("missing", "shape", "contradiction", "typo"):
            write_model(models / name)
        until(inference.ready, inference)
        assert inference.pid("tritonserver") == server, "one model's trouble is no reason to restart the others"
    finally:
        inference.stop()
