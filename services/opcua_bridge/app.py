"""The only place that constructs: one link, one watch and one consumer per line, and the SCADA server."""

import logging
from collections.abc import Callable

from jidoka.line.v1 import line_pb2

from services.chassis.bus import Bus
from services.chassis.run import Component, Service
from services.chassis.settings import read_secret
from services.chassis.streams import Consumer, Route
from services.contracts import plant
from services.contracts.subjects import LINE, PAUSE_REQUESTED, inbox_of
from services.opcua_bridge.adapters.episodes import StreamedEpisodes
from services.opcua_bridge.adapters.facts import BusFacts, pauses
from services.opcua_bridge.adapters.plc import PlcLink, Timing
from services.opcua_bridge.adapters.plc_session import PlcAddress
from services.opcua_bridge.adapters.scada import BROKER, ScadaBoard
from services.opcua_bridge.adapters.verdicts import LiveVerdicts
from services.opcua_bridge.domain.handshake import Limits
from services.opcua_bridge.domain.line import LineName, StationName
from services.opcua_bridge.handlers import PauseLine, WatchLine
from services.opcua_bridge.settings import Settings

NAME = "opcua-bridge"


def build(settings: Settings) -> Service:
    """The bridge of one plant. The PLC links start before the broker: their heartbeats do not depend on it."""
    for repetitive in ("asyncua.client", "asyncuagds.validate"):  # the links say each loss once
        logging.getLogger(repetitive).setLevel(logging.CRITICAL)
    lines = _lines(plant.load(settings.plant_file))
    stations = {name: [station.name for station in line.stations] for name, line in lines.items()}
    known = {StationName(name, station) for name, names in stations.items() for station in names}
    bus = Bus(settings.nats_url, NAME, read_secret(settings.nats_password_file, "nats password"), inbox_of(NAME))
    links = {name: PlcLink(_address(settings, name, line), _timing(settings)) for name, line in lines.items()}
    board = _board(settings, stations, links, bus)
    facts = BusFacts(bus, stations)
    episodes = StreamedEpisodes(bus)
    after_broker: list[Component] = [episodes, LiveVerdicts(bus, known, board.show_verdict)]
    for name, line in lines.items():
        limits = Limits(line.plc.ack_timeout_s, line.plc.state_timeout_s, settings.retry_delay_s)
        pause = PauseLine(links[name], facts, board, limits, settings.epoch)
        after_broker += [WatchLine(name, links[name], facts, board, episodes), _consumer(bus, name, pause)]
    return Service([board, *links.values(), bus, *after_broker], ready={"broker": bus.healthy})


def _lines(the_plant: plant.Plant) -> dict[LineName, plant.Line]:
    return {LineName(site.name, line.name): line for site in the_plant.sites for line in site.lines}


def _address(settings: Settings, name: LineName, line: plant.Line) -> PlcAddress:
    password = read_secret(settings.plc_password_file, "plc password")
    return PlcAddress(name, line.plc.url, line.plc.namespace, settings.plc_user, password, settings.pki)


def _timing(settings: Settings) -> Timing:
    return Timing(
        publishing_ms=settings.publishing_ms,
        heartbeat_s=settings.heartbeat_s,
        dead_after_s=settings.dead_after_s,
        operation_timeout_s=settings.operation_timeout_s,
        connect_timeout_s=settings.connect_timeout_s,
        backoff_max_s=settings.backoff_max_s,
    )


def _board(
    settings: Settings, stations: dict[LineName, list[str]], links: dict[LineName, PlcLink], bus: Bus
) -> ScadaBoard:
    def is_up(link: PlcLink) -> Callable[[], bool]:
        return lambda: link.view.link_up

    alive = {BROKER: bus.healthy, **{str(name): is_up(link) for name, link in links.items()}}
    return ScadaBoard(
        settings.scada_url, settings.pki, settings.scada_users_file, stations, alive, settings.stale_after_s
    )


def _consumer(bus: Bus, line: LineName, pause: PauseLine) -> Consumer:
    """One durable per line: a line whose machine takes long to stop delays no other."""
    subject = PAUSE_REQUESTED.everywhere.removesuffix(">") + f"{line.site}.{line.line}.>"
    route = Route(subject, line_pb2.PauseRequested, pauses(pause.on_pause_requested))
    return Consumer(bus, LINE.name, [route], durable=f"{NAME}-{line.site}-{line.line}")
