"""Run the OPC UA bridge."""

from services.chassis.run import run
from services.opcua_bridge.app import build
from services.opcua_bridge.settings import Settings


def main() -> None:
    """The console script."""
    run("opcua-bridge", Settings, build)


if __name__ == "__main__":
    main()
