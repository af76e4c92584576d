"""Liveness, readiness and metrics for probes: a tiny HTTP server in a thread, so that a busy loop cannot hide.

/livez and /readyz are anonymous and say no more than yes, or what is missing; /metrics wants the scrape token
(Prometheus: `authorization.credentials_file`). /livez fails when the event loop has been stuck for 15 s: nothing else
tells a dead lock from a quiet hour. /readyz fails from the moment on that the service drains.
"""

import asyncio
import hmac
import logging
import threading
import time
from collections.abc import Callable, Mapping
from http.server import ThreadingHTTPServer
from typing import Any

from prometheus_client.exposition import MetricsHandler

log = logging.getLogger("jidoka.health")
_STUCK_AFTER_S = 15.0
_BEAT_S = 1.0
_SOCKET_S = 5.0
_MOST_PROBES = 256
Checks = Mapping[str, Callable[[], bool]]


class Health:
    """Serves the probes at `address` (host:port; 0: any free port, and `port` tells which)."""

    def __init__(self, address: str, ready: Checks, scrape_token: str, stuck_after_s: float = _STUCK_AFTER_S) -> None:
        self._ready, self._stuck_after_s = ready, stuck_after_s
        self._draining = False
        self._beat_s = time.monotonic()
        self._heart: asyncio.Task[Any] | None = None
        host, _, port = address.rpartition(":")
        self._server = _Server(
            (host, int(port)), _handler(self, f"Bearer {scrape_token}".encode() if scrape_token else b"")
        )
        self.port = int(self._server.server_address[1])

    async def start(self) -> None:
        self._beat_s = time.monotonic()
        self._heart = asyncio.create_task(self._beat_forever(), name="heartbeat")
        threading.Thread(target=self._server.serve_forever, name="health", daemon=True).start()

    def drain(self) -> None:
        """No new work from here on: /readyz fails, /livez does not."""
        self._draining = True

    async def stop(self) -> None:
        if self._heart is not None:
            self._heart.cancel()
        await asyncio.to_thread(self._server.shutdown)
        self._server.server_close()

    def alive(self) -> str:
        """Why the process should be restarted; empty: it should not."""
        stuck = time.monotonic() - self._beat_s > self._stuck_after_s
        return f"the event loop has been stuck for {self._stuck_after_s:g} s" if stuck else ""

    def missing(self) -> str:
        """What keeps the service from being ready; empty: nothing."""
        if self._draining:
            return "draining"
        return ", ".join(name for name, holds in self._ready.items() if not _holds(name, holds))

    async def _beat_forever(self) -> None:
        while True:
            self._beat_s = time.monotonic()
            await asyncio.sleep(min(_BEAT_S, self._stuck_after_s / 4))


def _holds(name: str, check: Callable[[], bool]) -> bool:
    try:
        return check()
    except Exception:
        log.exception("the readiness check %s failed", name)
        return False


def _handler(health: Health, authorization: bytes) -> type[MetricsHandler]:
    class Handler(MetricsHandler):
        timeout = _SOCKET_S  # of a connection that says nothing

        def do_GET(self) -> None:  # noqa: N802
            if self.path == "/livez":
                self._judge(health.alive(), "alive")
            elif self.path == "/readyz":
                self._judge(health.missing(), "ready")
            elif self.path != "/metrics":
                self._answer(404, "only /livez, /readyz and /metrics")
            elif authorization and hmac.compare_digest(self._said(), authorization):
                super().do_GET()
            else:
                self._answer(401, "metrics want the scrape token: Authorization: Bearer <token>")

        def _said(self) -> bytes:
            return str(self.headers.get("Authorization", "")).encode("utf-8", "replace")

        def _judge(self, against: str, otherwise: str) -> None:
            self._answer(503 if against else 200, against or otherwise)

        def _answer(self, status: int, text: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "text/plain")
            self.end_headers()
            self.wfile.write(f"{text}\n".encode())

    return Handler


class _Server(ThreadingHTTPServer):
    """A thread for each probe, for some seconds at most and not without end: silent ones must not eat the process."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, *args: Any) -> None:
        self._places = threading.BoundedSemaphore(_MOST_PROBES)
        super().__init__(*args)

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._places.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        """A probe that gave up is no crash (R9)."""
        log.debug("a probe from %s went away", client_address)
