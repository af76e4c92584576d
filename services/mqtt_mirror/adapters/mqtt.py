"""The MQTT broker: one connection for ever, QoS 1, a last will, and every state said again after a loss."""

import asyncio
import json
import logging
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiomqtt import Client, MqttError, ProtocolVersion, Will

from services.chassis.backoff import Backoff
from services.chassis.errors import Invalid, Unavailable
from services.chassis.run import cancel, spawn
from services.mqtt_mirror.domain import Publication

log = logging.getLogger("jidoka.mqtt")
_KEEP_ALIVE_S, _LONGEST_PAUSE_S = 10, 5.0
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True)
class Broker:
    """Where it is and who we are there."""

    address: str
    user: str
    password: str
    ca_file: Path | None
    deadline_s: float

    def tls(self) -> ssl.SSLContext | None:
        """TLS with its certificate verified; none on loopback. Raises Invalid where it would be missing."""
        if self.ca_file:
            return ssl.create_default_context(cafile=self.ca_file)
        if self.host not in _LOOPBACK:
            fix = "name the broker's certificate authority"
            raise Invalid(f"{self.address} would be spoken to without TLS", field="mqtt_ca_file", fix=fix)
        return None

    @property
    def host(self) -> str:
        """The address without its port."""
        return self.address.rpartition(":")[0]

    @property
    def port(self) -> int:
        """Raises Invalid."""
        port = self.address.rpartition(":")[2]
        if not port.isdecimal():
            raise Invalid(f"{self.address!r} has no port", field="mqtt_address", fix="host:port")
        return int(port)


class MqttNamespace:
    """Publishes while the broker is there; raises Unavailable while it is not."""

    def __init__(self, broker: Broker, online: str) -> None:
        """`online` is the retained topic that says whether we live. Raises Invalid for a broker that cannot be used."""
        self._broker, self._online = broker, online
        self._options: dict[str, Any] = {
            "hostname": broker.host,
            "port": broker.port,
            "username": broker.user,
            "password": broker.password,
            "tls_context": broker.tls(),
            "identifier": f"jidoka-{broker.user}",
            "timeout": broker.deadline_s,
            "keepalive": _KEEP_ALIVE_S,
            "protocol": ProtocolVersion.V311,  # all that our broker's listener speaks
            "will": Will(online, _json({"online": False}), qos=1, retain=True),
        }
        self._states: dict[str, bytes] = {}  # one entry for each retained topic of the plant
        self._client: Client | None = None
        self._task: asyncio.Task[Any] | None = None

    def healthy(self) -> bool:
        """Whether the broker is there."""
        return self._client is not None

    async def start(self) -> None:
        self._task = spawn(self._stay(), "mqtt")

    async def stop(self) -> None:
        """Say that we leave: a clean goodbye sends no last will."""
        client = self._client
        if client is not None:
            try:
                await client.publish(self._online, _json({"online": False}), qos=1, retain=True)
            except MqttError as error:
                log.info("the MQTT broker heard no goodbye: %s", error)
        await cancel(self._task)

    async def publish(self, publication: Publication) -> None:
        """Returns when the broker has it. Raises Unavailable."""
        body = _json(publication.payload)
        if publication.retained:
            self._states[publication.topic] = body
        if self._client is None:
            raise Unavailable("the MQTT broker is away")
        try:
            await self._client.publish(publication.topic, body, qos=1, retain=publication.retained)
        except MqttError as error:
            raise Unavailable(f"the MQTT broker did not take {publication.topic}: {error}") from error

    async def _stay(self) -> None:
        backoff, lost = Backoff(0.2, _LONGEST_PAUSE_S), False
        while True:
            try:
                async with Client(**self._options) as client:
                    await self._greet(client)
                    log.warning("the MQTT broker is back") if lost else log.info(
                        "connected to %s", self._broker.address
                    )
                    self._client, lost = client, False
                    backoff.reset()
                    async for _ in client.messages:  # we subscribe to nothing: this ends with the connection
                        pass
            except MqttError as error:
                if not lost:
                    log.warning("ALARM: the MQTT broker %s is away: %s", self._broker.address, error)
                lost = True
            finally:
                self._client = None
            await backoff.wait()

    async def _greet(self, client: Client) -> None:
        """A broker that lost its memory gets every state again."""
        for topic, body in self._states.items():
            await client.publish(topic, body, qos=1, retain=True)
        await client.publish(self._online, _json({"online": True}), qos=1, retain=True)


def _json(payload: Any) -> bytes:
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
