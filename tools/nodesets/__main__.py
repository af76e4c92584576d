"""`python -m tools.nodesets FOLDER`: what `make` calls. Without the node sets a plant runs; SCADA sees less."""

import sys
from pathlib import Path

from services.chassis.errors import MeshError
from tools.nodesets.fetch import fetch


def main() -> None:
    """Exit status 1, with one sentence, when they could not be fetched."""
    try:
        fetch(Path(sys.argv[1]))
    except MeshError as error:
        raise SystemExit(f"no OPC UA node sets, so SCADA will see plain variables only: {error}") from error


if __name__ == "__main__":
    main()
