"""A small OTLP receiver: gRPC for our services and HTTP with JSON for Triton, both into one SQLite file.

Production sends the same to any collector. When this one is away, exporters drop spans and nothing else suffers.
"""

import argparse
import base64
import json
import signal
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.json_format import ParseDict, ParseError
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from opentelemetry.proto.common.v1 import common_pb2
from opentelemetry.proto.trace.v1 import trace_pb2

from tools.plant.trace_store import Span, TraceStore

MAX_BYTES = 4 << 20
_IDS = ("traceId", "spanId", "parentSpanId")


def spans(resource_spans: Any) -> Iterator[Span]:
    """Our spans out of OTLP's nesting."""
    for resource in resource_spans:
        named = {a.key: _text(a.value) for a in resource.resource.attributes}
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield Span(
                    trace_id=span.trace_id.hex(),
                    span_id=span.span_id.hex(),
                    parent_id=span.parent_span_id.hex(),
                    service=named.get("service.name", "unknown"),
                    name=span.name,
                    start_ns=span.start_time_unix_nano,
                    end_ns=span.end_time_unix_nano,
                    failed=span.status.code == trace_pb2.Status.STATUS_CODE_ERROR,
                    attributes={a.key: _text(a.value) for a in span.attributes},
                )


def _text(value: common_pb2.AnyValue) -> str:
    kind = value.WhichOneof("value")
    return str(getattr(value, kind)) if kind else ""


def from_json(body: bytes) -> trace_service_pb2.ExportTraceServiceRequest:
    """An OTLP/JSON request. Raises ValueError. OTLP writes ids in hex where protobuf's JSON mapping has base64."""

    def as_base64(mapping: dict[str, Any]) -> dict[str, Any]:
        return mapping | {
            key: base64.b64encode(bytes.fromhex(mapping[key])).decode() for key in _IDS if mapping.get(key)
        }

    try:
        decoded = json.loads(body, object_hook=as_base64)
        return ParseDict(decoded, trace_service_pb2.ExportTraceServiceRequest(), ignore_unknown_fields=True)
    except (ParseError, RecursionError, TypeError, AttributeError) as error:
        raise ValueError(f"not an OTLP trace request: {error}") from error


class _GrpcApi(trace_service_pb2_grpc.TraceServiceServicer):
    def __init__(self, store: TraceStore) -> None:
        self._store = store

    def Export(self, request: Any, context: grpc.ServicerContext) -> trace_service_pb2.ExportTraceServiceResponse:  # noqa: N802
        """Store one batch; a full disk is the sender's to retry."""
        try:
            self._store.add(list(spans(request.resource_spans)))
        except sqlite3.Error as error:
            context.abort(grpc.StatusCode.UNAVAILABLE, f"not stored: {error}")
        return trace_service_pb2.ExportTraceServiceResponse()


def _http_api(store: TraceStore) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 10

        def do_GET(self) -> None:
            self._answer(200 if self.path == "/livez" else 404)

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            if self.path != "/v1/traces" or not 0 < length <= MAX_BYTES:
                self.close_connection = True  # the body stays unread
                self._answer(404 if self.path != "/v1/traces" else 413)
                return
            try:
                store.add(list(spans(from_json(self.rfile.read(length)).resource_spans)))
            except ValueError as error:
                self._answer(400, str(error))
            except sqlite3.Error as error:
                self._answer(503, f"not stored: {error}")
            else:
                self._answer(200)

        def _answer(self, status: int, message: str = "") -> None:
            body = json.dumps({"message": message} if message else {}).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Spans are not news."""

    return Handler


def main() -> None:
    """Receive until SIGTERM."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--grpc-port", type=int, required=True)
    options.add_argument("--http-port", type=int, required=True)
    options.add_argument("--database", type=Path, required=True)
    options.add_argument("--keep-spans", type=int, default=200_000)
    given = options.parse_args()
    store = TraceStore(given.database, given.keep_spans)
    # Past the limit gRPC answers RESOURCE_EXHAUSTED, and exporters come back later.
    server = grpc.server(ThreadPoolExecutor(2), maximum_concurrent_rpcs=32)
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(_GrpcApi(store), server)  # type: ignore[no-untyped-call]
    server.add_insecure_port(f"127.0.0.1:{given.grpc_port}")
    server.start()
    http = ThreadingHTTPServer(("127.0.0.1", given.http_port), _http_api(store))
    http.daemon_threads = True
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=http.shutdown).start())
    http.serve_forever(poll_interval=0.1)
    server.stop(grace=1).wait()


if __name__ == "__main__":
    main()
