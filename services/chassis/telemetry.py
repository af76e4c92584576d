"""Logs, traces and metrics. One trace runs through gRPC metadata and NATS headers as W3C `traceparent`."""

import logging
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Self

from opentelemetry import propagate, trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, Span, SpanKind
from prometheus_client import Histogram
from pythonjsonlogger.json import JsonFormatter

STAGE_SECONDS = Histogram(
    "jidoka_stage_seconds",
    "How long one stage of the work took",
    ["stage"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
_tracer = trace.get_tracer("jidoka")


def setup(service: str, otlp_endpoint: str, log_level: str) -> None:
    """Configure logs for this process, and traces when a collector is given."""
    handler = logging.StreamHandler(sys.stderr)
    names = {"asctime": "at", "levelname": "level", "name": "logger"}
    handler.setFormatter(JsonFormatter("%(asctime)s %(levelname)s %(name)s %(message)s", rename_fields=names))
    handler.addFilter(_with_trace_id)
    logging.basicConfig(level=log_level, handlers=[handler], force=True)
    for chatty in ("asyncua", "httpx", "httpcore", "nats"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    if otlp_endpoint:
        provider = TracerProvider(resource=Resource.create({"service.name": service}))
        # A collector that is away must cost seconds at shutdown, not a minute (opentelemetry-python #4043).
        exporter = OTLPSpanExporter(endpoint=otlp_endpoint, insecure=True, timeout=5)
        provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=500))
        trace.set_tracer_provider(provider)


def shutdown() -> None:
    """Send what is still buffered; bounded by the exporter's own time-out."""
    provider = trace.get_tracer_provider()
    if isinstance(provider, TracerProvider):
        provider.shutdown()


@contextmanager
def span(
    name: str,
    kind: SpanKind = SpanKind.INTERNAL,
    parent: Context | None = None,
    link: Context | None = None,
    **attributes: str | float | bool,
) -> Iterator[Span]:
    """A span around a piece of work. Never keep one open across a `yield` to a caller (opentelemetry-python #2606)."""
    links = [Link(trace.get_current_span(link).get_span_context())] if link is not None else None
    with _tracer.start_as_current_span(name, context=parent, kind=kind, links=links, attributes=attributes) as current:
        yield current


class Stopwatch:
    """Times one stage for the metrics, and for whoever wants the figure: `duration_ms`."""

    duration_ms = 0.0

    def __init__(self, stage: str) -> None:
        self.stage = stage

    def __enter__(self) -> Self:
        self._started = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        took_s = time.perf_counter() - self._started
        self.duration_ms = took_s * 1000
        STAGE_SECONDS.labels(self.stage).observe(took_s)


def inject() -> dict[str, str]:
    """The current trace as headers."""
    headers: dict[str, str] = {}
    propagate.inject(headers)
    return headers


def extract(headers: Mapping[str, str] | None) -> Context:
    """The trace that a message or call came with."""
    return propagate.extract(dict(headers or {}))


def trace_id() -> str:
    """The current trace id, 32 hex digits; empty outside a trace."""
    context = trace.get_current_span().get_span_context()
    return f"{context.trace_id:032x}" if context.is_valid else ""


def _with_trace_id(record: logging.LogRecord) -> bool:
    if trace_id():
        record.trace_id = trace_id()
    return True
