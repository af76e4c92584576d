"""How measurement is put together."""

from jidoka.measurement.v1 import measurement_service_pb2_grpc

from services.chassis.auth import TokenVerifier
from services.chassis.bus import Bus
from services.chassis.rpc import Server
from services.chassis.run import Service
from services.chassis.settings import read_secret
from services.contracts import plant as plants
from services.contracts.subjects import inbox_of
from services.measurement.adapters.facts import BusFacts
from services.measurement.adapters.grpc_api import SCOPES, MeasurementServicer
from services.measurement.handlers import Recorder
from services.measurement.settings import Settings

NAME = "measurement"


def build(settings: Settings) -> Service:
    """The door for sensors, and the way to the broker."""
    bus = Bus(settings.nats_url, NAME, read_secret(settings.nats_password_file, "nats password"), inbox_of(NAME))
    recorder = Recorder(
        plant=plants.load(settings.plant_file),
        facts=BusFacts(bus),
        clock=bus.clock.now_s,
        max_in_flight=settings.max_in_flight,
        max_clipped_samples=settings.max_clipped_samples,
        max_ahead_s=settings.max_ahead_s,
    )
    verifier = TokenVerifier(settings.issuer_url, settings.audience, settings.roles_claim)
    server = Server(settings.grpc_address, verifier, SCOPES, max_message_bytes=settings.max_window_bytes)
    measurement_service_pb2_grpc.add_MeasurementServiceServicer_to_server(MeasurementServicer(recorder), server.grpc)
    return Service([bus, server], ready={"broker": bus.healthy})
