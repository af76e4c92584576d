"""Start measurement."""

from services.chassis.run import run
from services.measurement.app import build
from services.measurement.settings import Settings


def main() -> None:
    """Console script `jidoka-measurement`."""
    run("measurement", Settings, build)


if __name__ == "__main__":
    main()
