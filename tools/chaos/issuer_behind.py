"""The embedded issuer behind a wire: it says the address at which all find it, and listens at another one."""

import argparse
from pathlib import Path
from typing import Any

from waitress import serve

from tools.plant.idp import build


def main() -> None:
    """Serve until killed."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--port", type=int, required=True)
    options.add_argument("--found-at", type=int, required=True)
    options.add_argument("--state", type=Path, required=True)
    given = options.parse_args()
    app = build(given.state, given.found_at)

    def found(environ: dict[str, Any], start_response: Any) -> Any:
        """As if every request had come over the wire: also those of the probe, which comes directly."""
        return app({**environ, "HTTP_HOST": f"127.0.0.1:{given.found_at}"}, start_response)

    serve(found, listen=f"127.0.0.1:{given.port}", threads=4)


if __name__ == "__main__":
    main()
