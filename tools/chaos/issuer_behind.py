"""The embedded issuer behind a wire: it says the address at which all find it, and listens at another one."""

import argparse
from pathlib import Path

from waitress import serve

from tools.plant.idp import build


def main() -> None:
    """Serve until killed."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--port", type=int, required=True)
    options.add_argument("--behind", type=int, required=True)
    options.add_argument("--state", type=Path, required=True)
    given = options.parse_args()
    serve(build(given.state, given.port), listen=f"127.0.0.1:{given.behind}", threads=4)


if __name__ == "__main__":
    main()
