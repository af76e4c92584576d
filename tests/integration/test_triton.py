"""The real tritonserver under our supervision serves, batches, shares memory, traces, and is locked up."""

import asyncio
import contextlib
import hashlib
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import numpy as np
import pytest
from inference_service import ADMIN_KEY, Inference, Issuer, issuing, picture, until, write_model
from jidoka.model.v1 import model_service_pb2
from tritonclient.grpc import InferenceServerClient, InferInput, InferRequestedOutput
from tritonclient.grpc.aio import InferenceServerClient as AioClient
from tritonclient.utils import InferenceServerException, shared_memory

ADMIN = {"triton-grpc-protocol-admin-key": ADMIN_KEY}
TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with issuing() as issuer:
        yield issuer


@pytest.fixture(scope="module")
def shared(tmp_path_factory, issuer) -> Iterator[Inference]:
    """One running service for the tests that leave it as it was."""
    inference = Inference(
        tmp_path_factory.mktemp("shared"), issuer, "good", otlp_http_url=f"{issuer.web.url}/v1/traces"
    )
    write_model(inference.repository / "good")
    inference.start()
    until(inference.ready, inference)
    yield inference
    inference.stop()


def test_a_model_is_served_and_reported_with_the_digest_of_its_file(shared: Inference):
    began = int(time.time())
    assert shared.grey_level(42) == 42
    until(lambda: shared.models()["good"].last_probe_at.seconds >= began, shared)

    model = shared.models()["good"]
    assert (model.state, model.version, model.detail) == (model_service_pb2.MODEL_STATE_READY, "1", "")
    assert list(model.labels) == ["open", "pin hole"]
    assert model.served_name == f"good.{model.digest[:8]}"
    assert model.digest == hashlib.sha256((shared.repository / "good/1/model.onnx").read_bytes()).hexdigest()
    assert model.last_probe_at.seconds >= began
    assert model.probe_duration_ms > 0


def test_an_accelerator_that_is_not_there_costs_a_warning_and_not_the_model(shared: Inference):
    """The clause is portable: an onnxruntime with OpenVINO takes it, a plain one serves on the CPU."""
    log = (shared.work_dir / "tritonserver.log").read_text()

    assert "no OpenVINO provider; CPU provider used" in log or "providers=['OpenVINOExecutionProvider'" in log


@pytest.mark.parametrize(
    ("scope", "code"), [("", grpc.StatusCode.UNAUTHENTICATED), ("result.read", grpc.StatusCode.PERMISSION_DENIED)]
)
def test_models_are_told_to_those_who_may_read_them_only(shared: Inference, scope: str, code: grpc.StatusCode):
    with pytest.raises(grpc.RpcError) as caught:
        shared.models(scope)

    assert caught.value.code() is code


async def test_concurrent_requests_run_as_batches_and_each_gets_its_own_answer(shared: Inference):
    name = shared.served()
    async with AioClient(f"127.0.0.1:{shared.triton_port}") as client:

        async def counts() -> tuple[int, int]:
            statistics = (await client.get_inference_statistics(name)).model_stats[0]
            return statistics.inference_count, statistics.execution_count

        inferences, executions = await counts()
        answers = await asyncio.gather(*(client.infer(name, [picture(level)]) for level in range(16)))
        inferences_after, executions_after = await counts()

    assert [float(answer.as_numpy("detections")[0, 0, 0]) for answer in answers] == list(range(16))
    assert inferences_after - inferences >= 16
    assert executions_after - executions < inferences_after - inferences


def test_shared_memory_is_refused_without_the_admin_key_and_works_with_it(shared: Inference):
    name, size = f"jidoka_test_{os.getpid()}", 2 * 64 * 64
    region = shared_memory.create_shared_memory_region(name, f"/{name}", size + 100 * 6 * 4)
    try:
        with shared.client() as client:
            with pytest.raises(InferenceServerException, match="restricted"):
                client.register_system_shared_memory(name, f"/{name}", size + 2400)
            client.register_system_shared_memory(name, f"/{name}", size + 2400, headers=ADMIN)
            shared_memory.set_shared_memory_region(region, [np.full((1, 2, 64, 64), 77, np.uint8)])
            images, detections = InferInput("images", [1, 2, 64, 64], "UINT8"), InferRequestedOutput("detections")
            images.set_shared_memory(name, size)
            detections.set_shared_memory(name, 2400, size)
            client.infer(shared.served(), [images], outputs=[detections], client_timeout=5)
            assert (shared_memory.get_contents_as_numpy(region, np.float32, [1, 100, 6], size) == 77).all()
            until(lambda: unregistered(client, name), shared)
    finally:
        shared_memory.destroy_shared_memory_region(region)


def unregistered(client: InferenceServerClient, name: str) -> bool:
    """Triton answers before it lets go of the region."""
    with contextlib.suppress(InferenceServerException):
        client.unregister_system_shared_memory(name, headers=ADMIN)
    return name not in client.get_system_shared_memory_status(headers=ADMIN, as_json=True).get("regions", {})


@pytest.mark.parametrize(
    "forbidden",
    [
        lambda client: client.load_model("any"),
        lambda client: client.unload_model("any"),
        lambda client: client.get_model_config("any"),
        lambda client: client.update_log_settings({"log_verbose_level": 9}),
        lambda client: client.update_trace_settings(settings={"trace_rate": "1"}),
    ],
    ids=["load", "unload", "config", "logging", "trace"],
)
def test_what_a_camera_never_needs_is_refused_without_the_admin_key(shared: Inference, forbidden):
    with shared.client() as client, pytest.raises(InferenceServerException, match="restricted"):
        forbidden(client)


def test_triton_listens_on_its_grpc_address_and_nowhere_else(shared: Inference):
    inodes = {str(fd.readlink()) for fd in Path(f"/proc/{shared.pid('tritonserver')}/fd").iterdir()}
    tables = [Path(f"/proc/net/{table}").read_text().splitlines()[1:] for table in ("tcp", "tcp6")]
    rows = [row.split() for table in tables for row in table]
    listening = [row[1] for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in inodes]

    assert len(listening) == 1
    assert listening[0].endswith(f"0100007F:{shared.triton_port:04X}")  # 127.0.0.1, perhaps mapped into IPv6


def test_only_requests_that_carry_a_trace_are_traced(shared: Inference):
    with shared.client() as client:
        for _ in range(3):
            client.infer(shared.served(), [picture(1)], headers={"request": "untraced"})
        posted = shared.issuer.web.posted

        def arrives() -> bool:
            """Asked again: Triton's exporter loses one span in fifty, the last before a rest."""
            client.infer(shared.served(), [picture(1)], headers={"traceparent": f"00-{TRACE_ID}-00f067aa0ba902b7-01"})
            return any(TRACE_ID in body for body in posted)

        until(arrives, shared)

    spans = [s for b in posted for r in json.loads(b)["resourceSpans"] for g in r["scopeSpans"] for s in g["spans"]]
    assert {span["traceId"] for span in spans} == {TRACE_ID}
    assert any(span.get("parentSpanId") == "00f067aa0ba902b7" for span in spans)


def test_a_foreign_triton_is_watched_and_left_alone(shared: Inference, tmp_path, issuer):
    watcher = Inference(
        tmp_path, issuer, "good", "absent", launch="false", triton_address=f"127.0.0.1:{shared.triton_port}"
    )
    for name in ("good", "absent"):
        write_model(watcher.repository / name)
    watcher.start()
    try:
        until(lambda: watcher.failed("absent"), watcher)
        until(lambda: watcher.models()["good"].state == model_service_pb2.MODEL_STATE_READY, watcher)
        assert "does not serve it" in watcher.models()["absent"].detail
        assert not watcher.processes()
    finally:
        watcher.stop()
    assert shared.serves()
