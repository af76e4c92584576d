"""Liveness, readiness and metrics for probes: a tiny HTTP server in a thread, so that a busy loop cannot hide.

/livez and /readyz are anonymous and say no more than yes, or what is missing; /metrics wants the scrape token
(Prometheus: `authorization.credentials_file`).
"""

import hmac
import threading
from collections.abc import Callable, Mapping
from http.server import ThreadingHTTPServer

from prometheus_client.exposition import MetricsHandler


class Health:
    """Serves the probes at `address` (host:port; 0: any free port, and `port` tells which)."""

    def __init__(self, address: str, ready: Mapping[str, Callable[[], bool]], scrape_token: str) -> None:
        host, _, port = address.rpartition(":")

        class Handler(MetricsHandler):
            def do_GET(self) -> None:  # noqa: N802
                missing = [name for name, holds in ready.items() if not holds()]
                if self.path == "/livez":
                    self._answer(200, "alive")
                elif self.path == "/readyz":
                    self._answer(503 if missing else 200, ", ".join(missing) or "ready")
                elif self.path != "/metrics":
                    self._answer(404, "only /livez, /readyz and /metrics")
                elif scrape_token and hmac.compare_digest(
                    self.headers.get("Authorization", ""), f"Bearer {scrape_token}"
                ):
                    super().do_GET()
                else:
                    self._answer(401, "metrics want the scrape token: Authorization: Bearer <token>")

            def _answer(self, status: int, text: str) -> None:
                self.send_response(status)
                self.send_header("Content-Type", "text/plain")
                self.end_headers()
                self.wfile.write(f"{text}\n".encode())

        self._server = ThreadingHTTPServer((host, int(port)), Handler)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])

    async def start(self) -> None:
        threading.Thread(target=self._server.serve_forever, name="health", daemon=True).start()

    async def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
