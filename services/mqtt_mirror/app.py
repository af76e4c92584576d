"""How the MQTT mirror is put together."""

from services.chassis.bus import Bus
from services.chassis.errors import Invalid
from services.chassis.run import Service
from services.chassis.settings import read_secret
from services.chassis.streams import Consumer
from services.contracts import plant as plants
from services.contracts.subjects import inbox_of
from services.mqtt_mirror.adapters.facts import STREAMS, Facts
from services.mqtt_mirror.adapters.mqtt import Broker, MqttNamespace
from services.mqtt_mirror.domain import Topics
from services.mqtt_mirror.handlers import Mirror
from services.mqtt_mirror.settings import Settings

NAME = "mqtt-mirror"


def build(settings: Settings) -> Service:
    """One consumer for each stream. Raises Invalid when the plant file wants no MQTT."""
    plant = plants.load(settings.plant_file)
    if plant.mqtt is None:
        raise Invalid("the plant file has no MQTT", field="mqtt", fix="add `mqtt: {root: …}`, or do not start this")
    password = read_secret(settings.mqtt_password_file, "mqtt password")
    broker = Broker(
        settings.mqtt_address, settings.mqtt_user, password, settings.mqtt_ca_file, settings.mqtt_deadline_s
    )
    equipment = {(place.site, place.line): line.equipment_id for place, line, _ in plant.stations()}
    topics = Topics(plant.mqtt.root, equipment)
    namespace = MqttNamespace(broker, topics.online)
    bus = Bus(settings.nats_url, NAME, read_secret(settings.nats_password_file, "nats password"), inbox_of(NAME))
    facts = Facts(topics, Mirror(namespace, settings.news_s, bus.clock.now_s).tell)
    readers = [Consumer(bus, stream.name, facts.routes(stream)) for stream in STREAMS]
    ready = {"broker": bus.healthy, "mqtt": namespace.healthy}
    ready |= {f"stream {stream.name}": reader.healthy for stream, reader in zip(STREAMS, readers, strict=True)}
    return Service([namespace, bus, *readers], ready)
