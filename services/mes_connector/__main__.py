"""Starts the service."""

from services.chassis import run
from services.mes_connector.app import NAME, build
from services.mes_connector.settings import Settings


def main() -> None:
    """Run until told to stop."""
    run.run(NAME, Settings, build)


if __name__ == "__main__":
    main()
