"""The supervisor of a plant that is put to an ordeal: the ordinary one, with a refitted table of parts."""

import argparse
import logging
from pathlib import Path

from tools.chaos.fitting import Fitting, fitted
from tools.plant.supervisor import serve


def main() -> None:
    """Run the plant until SIGTERM."""
    options = argparse.ArgumentParser(description=__doc__)
    for name in ("--state", "--plant", "--fitting"):
        options.add_argument(name, type=Path, required=True)
    options.add_argument("--only", nargs="*", default=[])
    given = options.parse_args()
    logging.basicConfig(level="INFO", format="%(asctime)s %(message)s")
    fitting = Fitting.read(given.fitting)
    root, source = given.state.resolve(), given.plant.resolve()
    raise SystemExit(serve(root, source, tuple(given.only), fit=lambda table, ports: fitted(table, ports, fitting)))


if __name__ == "__main__":
    main()
