"""The only place that constructs: the SCADA server for every bridge, the PLCs for the one that has the duty."""

import logging
from collections.abc import Callable, Sequence
from functools import partial

from jidoka.line.v1 import line_pb2

from services.chassis.bus import Bus
from services.chassis.lease import Lease
from services.chassis.run import Component, Service
from services.chassis.settings import read_secret
from services.chassis.streams import Consumer, Route
from services.contracts import plant
from services.contracts.store import store_bytes
from services.contracts.subjects import LINE, PAUSE_REQUESTED, inbox_of
from services.opcua_bridge.adapters.claims import Claims
from services.opcua_bridge.adapters.clock_alarms import ClockAlarms
from services.opcua_bridge.adapters.contexts import BusContexts
from services.opcua_bridge.adapters.episodes import StreamedEpisodes
from services.opcua_bridge.adapters.facts import BusFacts
from services.opcua_bridge.adapters.job_memory import BusOrders, OrderLists
from services.opcua_bridge.adapters.plc import PlcLink, Timing
from services.opcua_bridge.adapters.plc_session import PlcAddress
from services.opcua_bridge.adapters.record import BusRecord
from services.opcua_bridge.adapters.scada import BROKER, ScadaBoard
from services.opcua_bridge.adapters.standing_alarm import StandingAlarm
from services.opcua_bridge.adapters.store_watch import StoreWatch
from services.opcua_bridge.adapters.verdicts import LiveVerdicts
from services.opcua_bridge.adapters.wire import pauses
from services.opcua_bridge.domain.certificates import sentence
from services.opcua_bridge.domain.handshake import Limits
from services.opcua_bridge.domain.line import LineName, StationName
from services.opcua_bridge.handlers import PauseLine, WatchLine
from services.opcua_bridge.settings import Settings

NAME = "opcua-bridge"
Lines = dict[LineName, plant.Line]


def build(settings: Settings) -> Service:
    """One bridge of a plant. All follow the streams and serve SCADA; one, by a lease, has the PLCs."""
    for repetitive in ("asyncua.client", "asyncuagds.validate"):  # the links say each loss once
        logging.getLogger(repetitive).setLevel(logging.CRITICAL)
    the_plant = plant.load(settings.plant_file)
    lines = _lines(the_plant)
    stations = {name: [station.name for station in line.stations] for name, line in lines.items()}
    known = {StationName(name, station) for name, names in stations.items() for station in names}
    bus = Bus(settings.nats_url, NAME, read_secret(settings.nats_password_file, "nats password"), inbox_of(NAME))
    links: dict[LineName, PlcLink] = {}
    record, expiry = BusRecord(bus), StandingAlarm(bus, lines, line_pb2.ALARM_CLASS_CERTIFICATE, "certificates")
    filling = StandingAlarm(bus, lines, line_pb2.ALARM_CLASS_STORE_FILLING, "store")
    clocks = ClockAlarms(bus, lines, bus.clock)
    board = _board(settings, the_plant, links, bus, record, expiry)
    facts, episodes = BusFacts(bus, stations), StreamedEpisodes(bus)

    def duty(token: int) -> Sequence[Component]:
        claims = Claims(bus, token)
        links.update({name: _link(settings, name, line, claims) for name, line in lines.items()})
        watches = [
            WatchLine(name, link, facts, board, episodes, settings.comms_alarm_after_s, bus.clock.now_s)
            for name, link in links.items()
        ]
        consumers = []
        for name, link in links.items():
            plc = lines[name].plc
            limits = Limits(plc.ack_timeout_s, plc.state_timeout_s, settings.retry_delay_s, link.once)
            pause = PauseLine(link, facts, board, episodes, limits, bus.clock.now_s)
            consumers.append(_consumer(bus, name, lines, pause, link))
        alarms: list[Component] = [expiry, filling, clocks]
        return [_Farewell(facts), _CaughtUp(episodes), *links.values(), *watches, *consumers, *alarms]

    verdicts = LiveVerdicts(bus, known, board, clocks.hear)
    orders = OrderLists(bus, lines, board.show_orders)
    plcs = Lease(bus, "plcs", duty)
    watch = StoreWatch(bus, store_bytes(the_plant.evidence.most_bytes), filling.hear)
    components: list[Component] = [board, bus, record, episodes, verdicts, orders, watch, plcs]
    reads = {"episodes": episodes.healthy, "verdicts": verdicts.healthy, "job orders": orders.healthy}
    return Service(components, ready={"broker": bus.healthy, **reads, "plcs": plcs.healthy})


class _CaughtUp:
    """Nothing is asked of a PLC before we know what is over."""

    def __init__(self, episodes: StreamedEpisodes) -> None:
        self._episodes = episodes

    async def start(self) -> None:
        await self._episodes.caught_up()

    async def stop(self) -> None:
        pass


class _Farewell:
    """The first of a duty, so the last to stop: when the PLCs have been let go, we say that we see them no more."""

    def __init__(self, facts: BusFacts) -> None:
        self._facts = facts

    async def start(self) -> None:
        pass

    async def stop(self) -> None:
        await self._facts.left()


def _lines(the_plant: plant.Plant) -> Lines:
    return {LineName(site.name, line.name): line for site in the_plant.sites for line in site.lines}


def _link(settings: Settings, name: LineName, line: plant.Line, claims: Claims) -> PlcLink:
    password = read_secret(settings.plc_password_file, "plc password")
    plc = line.plc
    address = PlcAddress(
        name,
        plc.url,
        plc.namespace,
        settings.plc_user,
        password,
        settings.pki,
        plc.security_policy,
        plc.certificate_host,
    )
    timing = Timing(
        publishing_ms=settings.publishing_ms,
        heartbeat_s=settings.heartbeat_s,
        dead_after_s=settings.dead_after_s,
        operation_timeout_s=settings.operation_timeout_s,
        connect_timeout_s=settings.connect_timeout_s,
        retry_s=settings.reconnect_s,
        backoff_max_s=settings.backoff_max_s,
        opens_after=settings.breaker_opens_after,
        stable_s=settings.stable_after_s,
    )
    return PlcLink(address, plc, timing, partial(claims.next, name))


def _board(
    settings: Settings,
    the_plant: plant.Plant,
    links: dict[LineName, PlcLink],
    bus: Bus,
    record: BusRecord,
    expiry: StandingAlarm,
) -> ScadaBoard:
    def is_up(line: LineName) -> Callable[[], bool]:
        return lambda: line in links and links[line].view.link_up

    lines = _lines(the_plant)
    versions = {recipe.name: recipe.version for recipe in the_plant.recipes}
    recipes = {
        StationName(name, station.name): [(recipe, versions[recipe]) for recipe in station.recipes]
        for name, line in lines.items()
        for station in line.stations
    }
    return ScadaBoard(
        settings.scada_url,
        settings.pki,
        settings.scada_users_file,
        {name: [station.name for station in line.stations] for name, line in lines.items()},
        {BROKER: bus.healthy, **{str(name): is_up(name) for name in lines}},
        settings.stale_after_s,
        bad_after_s=settings.bad_after_s,
        nodeset_folder=settings.nodeset_folder,
        recipes=recipes,
        results_kept=settings.results_kept,
        job_orders_kept=settings.job_orders_kept,
        idle_after_s=settings.idle_after_s,
        on_context=BusContexts(bus).changed,
        on_orders=BusOrders(bus).keep,
        max_sessions=settings.max_sessions,
        on_audit=record.take,
        on_expiry=lambda expiring: expiry.hear(sentence(expiring)),
    )


def _consumer(bus: Bus, name: LineName, lines: Lines, pause: PauseLine, link: PlcLink) -> Consumer:
    """One durable per line: a line whose machine takes long to stop delays no other, not even in its pause group."""
    group = lines[name].plc.pause_group
    askers = [other for other, line in lines.items() if other == name or (group and line.plc.pause_group == group)]
    handler = pauses(pause.on_pause_requested, name, lines[name].stations[0].name)
    routes = [
        Route(PAUSE_REQUESTED.along(asker.site, asker.line), line_pb2.PauseRequested, handler) for asker in askers
    ]
    return Consumer(bus, LINE.name, routes, durable=f"{NAME}-{name.site}-{name.line}", anew=link.claim_anew)
