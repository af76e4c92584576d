"""Start preprocessing."""

from services.chassis.run import run
from services.preprocessing.app import build
from services.preprocessing.settings import Settings


def main() -> None:
    """Console script `jidoka-preprocessing`."""
    run("preprocessing", Settings, build)


if __name__ == "__main__":
    main()
