"""Liveness, readiness and metrics for probes: a tiny HTTP server in a thread, so that a busy loop cannot hide.

/livez and /readyz are anonymous and say nothing but yes or no with the names of what is missing;
/metrics wants the scrape token (Prometheus `authorization.credentials_file`).
"""

import hmac
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest


class Health:
    """Serves the probes at `address` (host:port, port 0 = any free one; `port` tells which)."""

    def __init__(self, address: str, ready: Mapping[str, Callable[[], bool]], scrape_token: str = "") -> None:
        host, _, port = address.rpartition(":")
        self._ready = ready
        self._token = scrape_token
        self._started = False
        self._server = ThreadingHTTPServer((host, int(port)), self._handler())
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])

    async def start(self) -> None:
        threading.Thread(target=self._server.serve_forever, name="health", daemon=True).start()

    async def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def missing(self) -> list[str]:
        """The names of the readiness checks that do not hold."""
        return [name for name, check in self._ready.items() if not check()]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        health = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path == "/livez":
                    self._answer(200, b"alive\n")
                elif self.path == "/readyz":
                    missing = health.missing()
                    self._answer(503 if missing else 200, (", ".join(missing) or "ready").encode() + b"\n")
                elif self.path == "/metrics":
                    self._metrics()
                else:
                    self._answer(404, b"only /livez, /readyz and /metrics\n")

            def _metrics(self) -> None:
                given = self.headers.get("Authorization", "")
                if not health._token or not hmac.compare_digest(given, f"Bearer {health._token}"):
                    self._answer(401, b"metrics need the scrape token: Authorization: Bearer <token>\n")
                else:
                    self._answer(200, generate_latest(), CONTENT_TYPE_LATEST)

            def _answer(self, status: int, body: bytes, content_type: str = "text/plain") -> None:
                self.send_response(status)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Probes are not news."""

        return Handler
