"""Start the gateway."""

from services.chassis.run import run
from services.gateway.app import build
from services.gateway.settings import Settings


def main() -> None:
    """Console script `jidoka-gateway`."""
    run("gateway", Settings, build)


if __name__ == "__main__":
    main()
