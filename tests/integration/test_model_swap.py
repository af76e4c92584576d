"""A new model takes over while frames arrive: none is lost, and each names the network that judged it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import numpy as np
import pytest
from inference_service import ADMIN_KEY, Inference, Issuer, digest, issuing, picture, until, write_model
from tritonclient.utils import InferenceServerException

from services.chassis import rpc
from services.preprocessing.adapters import models as models_module
from services.preprocessing.adapters.models import Models
from services.preprocessing.adapters.shared_memory import Slots
from services.preprocessing.adapters.triton import TritonDetector

PICTURE = np.full((64, 64), 10, np.uint8)
AT_ONCE = 4


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with issuing() as issuer:
        yield issuer


@pytest.fixture
def inference(tmp_path: Path, issuer: Issuer) -> Iterator[Inference]:
    inference = Inference(tmp_path, issuer, "good", retire_after_s="3")
    write_model(inference.repository / "good")
    inference.start()
    until(inference.serves, inference)
    yield inference
    inference.stop()


class Token:
    def __init__(self, issuer: Issuer) -> None:
        self._issuer = issuer

    async def authorization(self) -> str:
        return f"Bearer {self._issuer.token('model.read')}"


@pytest.fixture
async def detector(inference: Inference, issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator:
    """Preprocessing's own, with its own way to hear of models."""
    monkeypatch.setattr(models_module, "_EVERY_S", 0.5)
    known = Models(rpc.channel(f"127.0.0.1:{inference.grpc_port}"), Token(issuer))
    slots = Slots(AT_ONCE, 2 * PICTURE.size)
    detector = TritonDetector(f"127.0.0.1:{inference.triton_port}", ADMIN_KEY, known, slots, 5.0)
    await known.start()
    async with asyncio.timeout(20):
        while not known.any_ready():  # noqa: ASYNC110 - it looks from outside
            await asyncio.sleep(0.05)
    yield detector
    await detector.stop()
    await known.stop()


async def test_every_frame_of_a_swap_names_the_network_that_judged_it_and_none_is_lost(
    inference: Inference, detector: TritonDetector
) -> None:
    """B2: the digest came from a poll, Triton served whatever version was the newest."""
    folder, old = inference.repository / "good", inference.models()["good"]
    judged: list[tuple[str, float]] = []
    done = asyncio.Event()

    async def frames() -> None:
        while not done.is_set():
            model = detector.served("good")
            (candidate, *_) = await detector.detect(model, PICTURE, PICTURE, "frame")
            judged.append((model.digest, candidate.score))

    lines = [asyncio.create_task(frames()) for _ in range(AT_ONCE)]
    try:
        await asyncio.to_thread(write_model, folder, version="2", factor=2)
        new = digest(folder / "2/model.onnx")
        await asyncio.to_thread(until, lambda: inference.models()["good"].digest == new, inference)
        await asyncio.to_thread(until, lambda: gone(inference, old.served_name), inference)
    finally:
        done.set()
    await asyncio.gather(*lines)

    assert set(judged) == {(old.digest, 10.0), (new, 20.0)}
    assert inference.models()["good"].version == "2"
    assert [copy.name for copy in (inference.work_dir / "staging/models").iterdir()] == [f"good.{new[:8]}"]


async def test_the_server_answers_under_the_name_that_was_asked_and_no_other(
    inference: Inference, detector: TritonDetector
) -> None:
    name = detector.served("good").served_name
    with inference.client() as client:
        answer = client.infer(name, [picture(10)]).get_response()
        assert answer.model_name == name == f"good.{inference.models()['good'].digest[:8]}"
        with pytest.raises(InferenceServerException, match="unknown model"):
            client.infer("good", [picture(10)])


async def test_going_back_to_the_network_before_is_a_swap_like_any_other(
    inference: Inference, detector: TritonDetector
) -> None:
    """Within the grace of the old one, which then stays."""
    folder, old = inference.repository / "good", inference.models()["good"]
    write_model(folder, factor=2)
    await asyncio.to_thread(until, lambda: inference.models()["good"].digest != old.digest, inference)
    newer = inference.models()["good"].served_name
    write_model(folder, factor=1)
    await asyncio.to_thread(until, lambda: inference.models()["good"].digest == old.digest, inference)
    await asyncio.to_thread(until, lambda: gone(inference, newer), inference)

    assert inference.models()["good"].served_name == old.served_name
    assert inference.grey_level(10) == 10


def gone(inference: Inference, name: str) -> bool:
    with inference.client() as client:
        return not client.is_model_ready(name)
