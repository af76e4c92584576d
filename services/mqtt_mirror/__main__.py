"""Start the MQTT mirror."""

from services.chassis.run import run
from services.mqtt_mirror.app import build
from services.mqtt_mirror.settings import Settings


def main() -> None:
    """Console script `jidoka-mqtt-mirror`."""
    run("mqtt-mirror", Settings, build)


if __name__ == "__main__":
    main()
