"""How postprocessing is put together."""

from collections.abc import Sequence
from datetime import UTC, datetime

from jidoka.verdict.v1 import verdict_service_pb2_grpc

from services.chassis.auth import TokenVerifier
from services.chassis.bus import Bus
from services.chassis.crew import Crew
from services.chassis.lease import Lease
from services.chassis.rpc import Server
from services.chassis.run import Component, Service
from services.chassis.settings import read_secret
from services.chassis.streams import Follower
from services.contracts import plant as plants
from services.contracts.plant import Plant
from services.contracts.subjects import STATION, inbox_of
from services.postprocessing.adapters.checkpoint import RedisCheckpoint, RedisStore
from services.postprocessing.adapters.events import BusActions, BusFacts, birth_of_streams, routes
from services.postprocessing.adapters.grpc_api import SCOPES, VerdictServicer
from services.postprocessing.adapters.rule_books import book_of, text_of
from services.postprocessing.adapters.rule_file import RuleFile
from services.postprocessing.adapters.statistics import Statistics
from services.postprocessing.handlers import RuleKeeper, RuleWatch, SilenceWatch
from services.postprocessing.settings import Settings

NAME = "postprocessing"


def build(settings: Settings) -> Service:
    """The judge, and the rules that follow its verdicts."""
    plant = plants.load(settings.plant_file)
    bus = Bus(settings.nats_url, NAME, read_secret(settings.nats_password_file, "nats password"), inbox_of(NAME))
    redis_password = read_secret(settings.redis_password_file, "redis password")
    store = RedisStore(settings.redis_url, redis_password, lambda: birth_of_streams(bus))
    lines = settings.lines or tuple(f"{site.name}/{line.name}" for site in plant.sites for line in site.lines)
    crew = Crew(bus)
    leases = {line: rules_of(line, bus, store, plant, settings.checkpoint_every_s, crew) for line in lines}
    sites = [site.name for site in plant.sites]
    source = RuleFile(settings.plant_file)
    watch = RuleWatch(
        source,
        BusFacts(bus),
        sites,
        book_of,
        lambda: any(lease.held for lease in leases.values()),
        settings.rule_file_look_s,
        two_people=settings.rules_need_two_people,
    )
    verifier = TokenVerifier(settings.issuer_url, settings.audience, settings.roles_claim)
    server = Server(settings.grpc_address, verifier, SCOPES)
    judge = VerdictServicer(plant, bus, lambda: datetime.fromtimestamp(bus.clock.now_s(), UTC), watch.version)
    verdict_service_pb2_grpc.add_VerdictServiceServicer_to_server(judge, server.grpc)
    components: list[Component] = [bus, store, watch, server, Statistics(), crew, *leases.values()]
    folded = {f"rules of {line}": lease.healthy for line, lease in leases.items()}
    return Service(components, {"broker": bus.healthy, **folded})


def rules_of(
    line: str, bus: Bus, store: RedisStore, plant: Plant, save_every_s: float, crew: Crew | None = None
) -> Lease:
    """The rules of one line (site/line): of all processes that strive for them, one folds and the others stand by."""

    def duty(token: int) -> Sequence[Component]:
        checkpoint = RedisCheckpoint(store, line, token)
        keeper = RuleKeeper(line, text_of(plant), book_of, checkpoint, BusActions(bus, plant), save_every_s)
        follower = Follower(
            bus,
            STATION.name,
            routes(keeper),
            keeper.reads_behind,
            name=f"rules of {line}",
            passed=keeper.passed,
            anew=keeper.begin_anew,
        )
        return [keeper, follower, SilenceWatch(keeper, BusFacts(bus), bus.clock.now_s)]

    return Lease(bus, line.replace("/", "."), duty, crew)
