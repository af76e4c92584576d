"""How postprocessing is put together."""

from datetime import UTC, datetime

from jidoka.verdict.v1 import verdict_service_pb2_grpc

from services.chassis.auth import TokenVerifier
from services.chassis.bus import Bus
from services.chassis.rpc import Server
from services.chassis.run import Service
from services.chassis.settings import read_secret
from services.chassis.streams import Follower
from services.contracts import plant as plants
from services.contracts.subjects import STATION, inbox_of
from services.postprocessing.adapters.checkpoint import RedisCheckpoint
from services.postprocessing.adapters.events import BusActions, routes
from services.postprocessing.adapters.grpc_api import SCOPES, VerdictServicer
from services.postprocessing.domain.order import Patience
from services.postprocessing.domain.rules import Rule
from services.postprocessing.handlers import RuleKeeper
from services.postprocessing.settings import Settings

NAME = "postprocessing"


def build(settings: Settings) -> Service:
    """The judge, and the rules that follow its verdicts."""
    plant = plants.load(settings.plant_file)
    bus = Bus(settings.nats_url, NAME, read_secret(settings.nats_password_file, "nats password"), inbox_of(NAME))
    checkpoint = RedisCheckpoint(settings.redis_url, read_secret(settings.redis_password_file, "redis password"))
    patience = Patience(plant.rule_set.reorder_parts, plant.rule_set.reorder_s)
    keeper = RuleKeeper(_rules(plant), patience, checkpoint, BusActions(bus, plant))
    follower = Follower(bus, STATION.name, routes(keeper), keeper.position)
    verifier = TokenVerifier(settings.issuer_url, settings.audience, settings.roles_claim)
    server = Server(settings.grpc_address, verifier, SCOPES)
    judge = VerdictServicer(plant, bus, lambda: datetime.now(UTC))
    verdict_service_pb2_grpc.add_VerdictServiceServicer_to_server(judge, server.grpc)
    return Service([bus, checkpoint, keeper, follower, server], ready={"broker": bus.healthy})


def _rules(plant: plants.Plant) -> list[Rule]:
    return [
        Rule(r.id, r.k, "pause_line" in r.actions, "maintenance_request" in r.actions, r.pause_ttl_s)
        for r in plant.rule_set.rules
    ]
