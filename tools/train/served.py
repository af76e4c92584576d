"""What a model folder says about boards once a real Triton serves it, and how far that is from what it was told to run.

Apart from `answers`, because who only trains needs no Triton.
"""

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from tritonclient.grpc import InferInput, InferRequestedOutput, model_config_pb2

from services.inference.adapters.served_config import allowed
from services.inference.backend import openvino_sessions
from tools.bench import triton
from tools.boards.board import Image
from tools.train.answers import INPUT, OUTPUT, Answers, Images, by_onnxruntime, by_session
from tools.train.manifest import EXPORTED, SERVED
from tools.train.metrics import Array

_DEADLINE_S = 30.0


def without_triton(staged: Path, images: Images) -> Answers:
    """Of the eight-bit network, on the provider that config.pbtxt asks for as far as this host has it."""
    accelerators = _configuration(staged).optimization.execution_accelerators.cpu_execution_accelerator
    if not any(asked.name == "openvino" for asked in accelerators) or not openvino_sessions.available():
        return by_onnxruntime(staged / SERVED, images)
    shape = openvino_sessions.fixed({INPUT: images[0].shape})
    return by_session(openvino_sessions.session(staged / SERVED, ort.SessionOptions(), shape), images)


async def by_triton(staged: Path, images: Images) -> tuple[Answers, Answers]:
    """Of the folder under its own config.pbtxt, then of its float32 network under the same without a provider.

    Raises InferenceServerException, MeshError or TimeoutError when Triton does not serve it.
    """
    plain = model_config_pb2.ModelConfig()
    plain.CopyFrom(_configuration(staged))
    plain.default_model_filename = Path(EXPORTED).name
    plain.optimization.ClearField("execution_accelerators")
    async with triton.running(staged.parent) as server:
        served = await _under(server, staged, _configuration(staged), images)
        return served, await _under(server, staged, plain, images)


def _configuration(staged: Path) -> model_config_pb2.ModelConfig:
    """What a plant makes of config.pbtxt: that is what will be served. Raises Denied for what no plant serves."""
    return allowed(staged / "config.pbtxt", triton.configuration(staged))


async def _under(server: triton.Triton, staged: Path, config: Any, images: Images) -> Answers:
    await server.load(staged.name, config)
    return [await _asked(server.client, staged.name, image) for image in images]


async def _asked(client: Any, model: str, image: Image) -> Array:
    given = InferInput(INPUT, [1, *image.shape], "UINT8")
    given.set_data_from_numpy(image[None])
    answer = await client.infer(model, [given], outputs=[InferRequestedOutput(OUTPUT)], client_timeout=_DEADLINE_S)
    return np.asarray(answer.as_numpy(OUTPUT)[0], np.float32)
