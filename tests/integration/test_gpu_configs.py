"""The GPU configurations before the bundled Triton's own parser: what it refuses here, it would refuse in the plant."""

import shutil
from pathlib import Path

import pytest
from tritonclient.utils import InferenceServerException

from tools.bench import triton

SHIPPED = Path("model_repository")
MODEL = "pcb_detector"


async def test_onnx_runtime_with_tensorrt_is_served_on_a_cpu_as_well() -> None:
    async with triton.running(SHIPPED, "gpu_ort_trt") as server:
        await server.client.load_model(MODEL, headers=server.admin, client_timeout=60)
        answer = await server.client.get_model_config(MODEL, as_json=True, headers=server.admin)

    config = answer["config"]
    assert config["default_model_filename"] == "model_fp32.onnx"
    assert config["optimization"]["execution_accelerators"]["gpu_execution_accelerator"][0]["name"] == "tensorrt"


@pytest.mark.parametrize("name", ["gpu_trt_fp16", "gpu_trt_int8"])
async def test_plans_are_refused_for_want_of_tensorrt_and_of_nothing_else(name: str) -> None:
    async with triton.running(SHIPPED, name) as server:
        with pytest.raises(InferenceServerException):
            await server.client.load_model(MODEL, headers=server.admin, client_timeout=60)
        assert "unable to find backend library for backend 'tensorrt'" in server.log_file.read_text()


async def test_a_mistake_in_one_would_be_found_here(tmp_path: Path) -> None:
    shutil.copytree(SHIPPED / MODEL, tmp_path / MODEL)
    path = tmp_path / MODEL / "configs/gpu_trt_int8.pbtxt"
    path.write_text(path.read_text().replace("TYPE_UINT8", "TYPE_UINT88"))
    async with triton.running(tmp_path, "gpu_trt_int8") as server:
        with pytest.raises(InferenceServerException):
            await server.client.load_model(MODEL, headers=server.admin, client_timeout=60)
        assert "TYPE_UINT88" in server.log_file.read_text()
