"""The OTLP receiver as a process of its own, fed by the exporters that really feed it."""

import base64
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import StatusCode
from servers import wait_for_port

from tools.plant import leash, trace_store
from tools.ports import free_port

TRACE = "0af7651916cd43dd8448eb211c80319c"
# As opentelemetry-cpp inside Triton writes it: ids in hex, times as strings, enums as numbers.
TRITON = {
    "resourceSpans": [
        {
            "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "triton"}}]},
            "scopeSpans": [
                {
                    "scope": {"name": "triton-server"},
                    "spans": [
                        {
                            "traceId": TRACE,
                            "spanId": "00f067aa0ba902b7",
                            "parentSpanId": "b7ad6b7169203331",
                            "name": "InferRequest",
                            "kind": 2,
                            "startTimeUnixNano": "1700000000000000000",
                            "endTimeUnixNano": "1700000000012500000",
                            "attributes": [{"key": "triton.model_version", "value": {"intValue": "1"}}],
                            "events": [{"name": "REQUEST_START", "timeUnixNano": "1700000000000000000"}],
                            "status": {"code": 0},
                        }
                    ],
                }
            ],
        }
    ]
}


class Receiver:
    def __init__(self, folder: Path, keep_spans: int) -> None:
        self.database = folder / "traces.db"
        self.grpc, self.http = free_port(), free_port()
        self.command = [sys.executable, "-m", "tools.plant.traces", "--grpc-port", str(self.grpc)]
        self.command += [
            "--http-port",
            str(self.http),
            "--database",
            str(self.database),
            "--keep-spans",
            str(keep_spans),
        ]
        self.start()

    def start(self) -> None:
        self.process = leash.popen(self.command)
        wait_for_port(self.http)
        wait_for_port(self.grpc)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        os.kill(self.process.pid, number)
        return self.process.wait(10)

    def post(self, body: dict | bytes, path: str = "/v1/traces") -> httpx.Response:
        url = f"http://127.0.0.1:{self.http}{path}"
        return httpx.post(url, content=body) if isinstance(body, bytes) else httpx.post(url, json=body)


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    receiver = Receiver(tmp_path, keep_spans=100)
    yield receiver
    if receiver.process.poll() is None:
        assert receiver.end() == 0


@pytest.fixture
def provider(receiver: Receiver) -> Iterator[TracerProvider]:
    provider = TracerProvider(resource=Resource.create({"service.name": "judge"}))
    exporter = OTLPSpanExporter(endpoint=f"127.0.0.1:{receiver.grpc}", insecure=True, timeout=5)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    yield provider
    provider.shutdown()


def test_spans_of_our_exporter_come_back_with_their_parents_times_and_failure(
    receiver: Receiver, provider: TracerProvider
):
    tracer = provider.get_tracer("test")
    with (
        tracer.start_as_current_span("judge", attributes={"part": 7}) as outer,
        tracer.start_as_current_span("publish") as inner,
    ):
        inner.set_status(StatusCode.ERROR)

    spans = trace_store.spans_of(receiver.database, f"{outer.get_span_context().trace_id:032x}")

    assert [(s.service, s.name, s.failed) for s in spans] == [("judge", "judge", False), ("judge", "publish", True)]
    assert spans[1].parent_id == spans[0].span_id == f"{outer.get_span_context().span_id:016x}"
    assert spans[0].parent_id == ""
    assert spans[0].attributes == {"part": "7"}
    assert time.time_ns() - 60e9 < spans[0].start_ns <= spans[1].start_ns <= spans[1].end_ns <= spans[0].end_ns


def test_tritons_json_joins_the_same_trace_and_a_repeated_batch_is_kept_once(receiver: Receiver):
    assert [receiver.post(TRITON).status_code for _ in range(2)] == [200, 200]

    (span,) = trace_store.spans_of(receiver.database, TRACE)

    assert (span.service, span.name, span.span_id, span.parent_id) == (
        "triton",
        "InferRequest",
        "00f067aa0ba902b7",
        "b7ad6b7169203331",
    )
    assert span.end_ns - span.start_ns == 12_500_000


@pytest.mark.parametrize(
    ("body", "path", "status"),
    [
        (b"not json", "/v1/traces", 400),
        (b'{"resourceSpans": 7}', "/v1/traces", 400),
        (b"[" * 100_000, "/v1/traces", 400),
        (b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "zz"}]}]}]}', "/v1/traces", 400),
        (b" " * (5 << 20), "/v1/traces", 413),
        (b"{}", "/v1/metrics", 404),
    ],
)
def test_what_is_no_trace_is_refused_and_the_receiver_goes_on(receiver: Receiver, body: bytes, path: str, status: int):
    try:
        assert receiver.post(body, path).status_code == status
    except httpx.WriteError:
        assert status == 413  # it answered and hung up while we were still talking
    assert receiver.post(TRITON).status_code == 200


def test_the_oldest_spans_make_room_and_the_latest_trace_stands_first(receiver: Receiver, provider: TracerProvider):
    tracer = provider.get_tracer("test")
    receiver.post(TRITON)
    for number in range(120):
        with tracer.start_as_current_span(f"part {number}"):
            pass

    traces = trace_store.latest(receiver.database, 1000)

    assert len(traces) == 100
    assert trace_store.spans_of(receiver.database, TRACE) == []
    assert trace_store.spans_of(receiver.database, traces[0].trace_id)[0].name == "part 119"


def test_what_was_received_outlives_a_kill(receiver: Receiver):
    receiver.post(TRITON)
    receiver.end(signal.SIGKILL)
    receiver.start()

    assert len(trace_store.spans_of(receiver.database, TRACE)) == 1
    assert receiver.post(TRITON).status_code == 200


def test_ids_are_hex_and_not_base64():
    from tools.plant.traces import from_json  # noqa: PLC0415

    body = b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "%s"}]}]}]}' % TRACE.encode()
    (resource,) = from_json(body).resource_spans

    assert resource.scope_spans[0].spans[0].trace_id == bytes.fromhex(TRACE) != base64.b64decode(TRACE)
