"""Start postprocessing."""

from services.chassis.run import run
from services.postprocessing.app import build
from services.postprocessing.settings import Settings


def main() -> None:
    """Console script `jidoka-postprocessing`."""
    run("postprocessing", Settings, build)


if __name__ == "__main__":
    main()
