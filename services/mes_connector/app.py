"""Wires the service; the only place that constructs."""

from collections.abc import Sequence

from services.chassis.bus import Bus
from services.chassis.lease import Lease
from services.chassis.run import Component, Service
from services.chassis.settings import read_secret
from services.chassis.streams import Consumer
from services.contracts.mes import Mes
from services.contracts.plant import load
from services.contracts.subjects import WORKREQUEST, inbox_of
from services.mes_connector.adapters.bus import routes
from services.mes_connector.adapters.database import Database, async_url, open_engine
from services.mes_connector.adapters.evidence import Gallery
from services.mes_connector.adapters.follow_up import SqlFollowUp
from services.mes_connector.adapters.herald import BusHerald
from services.mes_connector.adapters.notes import SqlNotes
from services.mes_connector.adapters.outbox import SqlOutbox
from services.mes_connector.adapters.systems import System, open_system
from services.mes_connector.domain.breaker import Breaker
from services.mes_connector.domain.order import Patience
from services.mes_connector.handlers.announcer import Announcer
from services.mes_connector.handlers.commenter import Commenter
from services.mes_connector.handlers.gate import Gate
from services.mes_connector.handlers.intake import Intake
from services.mes_connector.handlers.pump import Pump
from services.mes_connector.handlers.tracker import Tracker
from services.mes_connector.settings import Settings

NAME = "mes-connector"


def build(settings: Settings) -> Service:
    """All replicas stand by; the one that holds the lease takes requests in and speaks to the MES."""
    plant = load(settings.plant_file)
    system, gallery = plant.mes, Gallery.of(plant)
    bus = Bus(settings.nats_url, NAME, read_secret(settings.nats_password_file, "nats_password_file"), inbox_of(NAME))
    database = _database(settings)
    mes = open_mes(system, settings)
    lease = Lease(bus, system.name, lambda _: _duty(settings, system.name, bus, database, mes, gallery))
    return Service([bus, database, mes, lease], ready={"broker": bus.healthy, "orders": lease.healthy})


def open_mes(system: Mes, settings: Settings) -> System:
    """The adapter with its secret. Raises Invalid naming the field."""
    needs_none = system.adapter == "b2mml-file" and settings.mes_secret_file is None
    secret = "" if needs_none else read_secret(settings.mes_secret_file, "mes_secret_file")
    return open_system(system, secret, settings.mes_deadline_s, settings.mes_ca_file)


def _duty(
    settings: Settings, name: str, bus: Bus, database: Database, mes: System, gallery: Gallery
) -> Sequence[Component]:
    """What only one of us does. A later holder needs no token: each attempt is claimed in the outbox."""
    outbox, follow_up, notes = SqlOutbox(database), SqlFollowUp(database), SqlNotes(database)
    patience, batch = _patience(settings), settings.batch
    breaker = Breaker(settings.breaker_failures, settings.breaker_base_s, settings.breaker_cap_s)
    gate = Gate(mes, breaker, settings.mes_pace_s)
    announcer = Announcer(outbox, follow_up, BusHerald(bus, name), batch)
    pump = Pump(outbox, gate, announcer, patience, batch)
    commenter = Commenter(notes, gate, patience, batch)
    tracker = Tracker(
        follow_up, gate, announcer, every_s=settings.poll_every_s, settle_s=settings.after_timeout_s, batch=batch
    )
    intake = Intake(outbox, notes, pump, commenter, tracker, settings.most_notes)
    return [announcer, pump, commenter, tracker, Consumer(bus, WORKREQUEST.name, routes(intake, name, gallery))]


def _database(settings: Settings) -> Database:
    file = settings.database_password_file
    url = async_url(settings.database_url, read_secret(file, "database_password_file") if file else "")
    engine = open_engine(url, settings.database_deadline_s, settings.database_ca_file)
    return Database(engine, settings.database_deadline_s)


def _patience(settings: Settings) -> Patience:
    return Patience(
        deadline_s=settings.mes_deadline_s,
        base_s=settings.retry_base_s,
        cap_s=settings.retry_cap_s,
        after_timeout_s=settings.after_timeout_s,
        give_up_s=settings.give_up_s,
    )
