"""Entry point of jidoka-inference."""

from services.chassis.run import run
from services.inference.app import build
from services.inference.settings import Settings


def main() -> None:
    """Run until told to stop."""
    run("inference", Settings, build)


if __name__ == "__main__":
    main()
