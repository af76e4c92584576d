"""The inference service serves what a trusted key has signed, and takes away what somebody slipped in later."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from inference_service import ADMIN_KEY, Inference, Issuer, issuing, sign_model, until, write_model
from jidoka.model.v1 import model_service_pb2

from services.inference.adapters.triton_grpc import ADMIN_HEADER


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with issuing() as issuer:
        yield issuer


def slip_in(folder: Path) -> None:
    """Another network as the next version, where nobody has signed it."""
    (folder / "2").mkdir()
    (folder / "2/model.onnx").write_bytes((folder / "1/model.onnx").read_bytes())


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
        until(lambda: inference.models()["good"].state == model_service_pb2.MODEL_STATE_READY, inference)
        with inference.client() as client:
            assert not client.is_model_ready("unsigned")
            assert not client.is_model_ready("changed")

        sign_model(models / "unsigned")
        sign_model(models / "changed")
        until(inference.ready, inference)
    finally:
        inference.stop()


def test_a_version_that_is_slipped_in_beside_a_served_one_is_taken_away_again(tmp_path, issuer):
    """Who shares Triton's admin key could have it load anything."""
    inference = Inference(tmp_path, issuer, "good")
    write_model(inference.repository / "good")
    inference.start()
    try:
        until(inference.ready, inference)
        slip_in(inference.repository / "good")
        with inference.client() as client:
            client.load_model("good", headers={ADMIN_HEADER: ADMIN_KEY})
            until(lambda: not client.is_model_ready("good"), inference)
        until(lambda: inference.failed("good"), inference)
        assert "2/model.onnx is not in the signed manifest" in inference.models()["good"].detail
    finally:
        inference.stop()
