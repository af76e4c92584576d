"""How postprocessing is put together."""

from datetime import UTC, datetime

from jidoka.verdict.v1 import verdict_service_pb2_grpc

from services.chassis.auth import TokenVerifier
from services.chassis.bus import Bus
from services.chassis.rpc import Server
from services.chassis.run import Component, Service
from services.chassis.settings import read_secret
from services.chassis.streams import Follower
from services.contracts import plant as plants
from services.contracts.subjects import STATION, inbox_of
from services.postprocessing.adapters.checkpoint import RedisCheckpoint
from services.postprocessing.adapters.events import BusActions, BusFacts, routes
from services.postprocessing.adapters.grpc_api import SCOPES, VerdictServicer
from services.postprocessing.adapters.rule_books import book_of, text_of
from services.postprocessing.adapters.rule_file import RuleFile
from services.postprocessing.handlers import RuleKeeper, RuleWatch, SilenceWatch
from services.postprocessing.settings import Settings

NAME = "postprocessing"


def build(settings: Settings) -> Service:
    """The judge, and the rules that follow its verdicts."""
    plant = plants.load(settings.plant_file)
    bus = Bus(settings.nats_url, NAME, read_secret(settings.nats_password_file, "nats password"), inbox_of(NAME))
    checkpoint = RedisCheckpoint(settings.redis_url, read_secret(settings.redis_password_file, "redis password"))
    keeper = RuleKeeper(text_of(plant), book_of, checkpoint, BusActions(bus, plant), settings.checkpoint_every_s)
    follower = Follower(bus, STATION.name, routes(keeper), keeper.position)
    facts = BusFacts(bus, plant)
    rule_watch = RuleWatch(RuleFile(settings.plant_file), facts, settings.rule_file_look_s)
    verifier = TokenVerifier(settings.issuer_url, settings.audience, settings.roles_claim)
    server = Server(settings.grpc_address, verifier, SCOPES)
    judge = VerdictServicer(plant, bus, lambda: datetime.now(UTC), lambda site: keeper.book(site).version)
    verdict_service_pb2_grpc.add_VerdictServiceServicer_to_server(judge, server.grpc)
    components: list[Component] = [bus, checkpoint, keeper, follower, rule_watch, SilenceWatch(keeper, facts), server]
    return Service(components, ready={"broker": bus.healthy})
