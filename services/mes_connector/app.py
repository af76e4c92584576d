"""Wires the service; the only place that constructs."""

from services.chassis.bus import Bus
from services.chassis.run import Service
from services.chassis.settings import read_secret
from services.chassis.streams import Consumer
from services.contracts.plant import load
from services.contracts.subjects import WORKREQUEST, inbox_of
from services.mes_connector.adapters.bus import BusHerald, requests_to
from services.mes_connector.adapters.database import async_url, open_engine
from services.mes_connector.adapters.outbox import SqlOutbox
from services.mes_connector.adapters.webhook import Webhook
from services.mes_connector.domain.breaker import Breaker
from services.mes_connector.domain.order import Patience
from services.mes_connector.handlers import Announcer, Intake, Pump
from services.mes_connector.settings import Settings

NAME = "mes-connector"


def build(settings: Settings) -> Service:
    """The broker first and last; requests are taken in only when everything behind them is up."""
    system = load(settings.plant_file).mes
    bus = Bus(settings.nats_url, NAME, read_secret(settings.nats_password_file, "nats_password_file"), inbox_of(NAME))
    outbox = _outbox(settings)
    secret = read_secret(settings.webhook_secret_file, "webhook_secret_file")
    mes = Webhook(system.url, secret, settings.webhook_deadline_s, settings.webhook_ca_file)
    announcer = Announcer(outbox, BusHerald(bus, system.name), settings.batch)
    pump = Pump(outbox, mes, announcer, breaker=_breaker(settings), patience=_patience(settings), batch=settings.batch)
    consumer = Consumer(bus, WORKREQUEST.name, [requests_to(Intake(outbox, pump))])
    return Service([bus, outbox, mes, announcer, pump, consumer], ready={"broker": bus.healthy})


def _outbox(settings: Settings) -> SqlOutbox:
    file = settings.database_password_file
    url = async_url(settings.database_url, read_secret(file, "database_password_file") if file else "")
    engine = open_engine(url, settings.database_deadline_s, settings.database_ca_file)
    return SqlOutbox(engine, settings.database_deadline_s)


def _breaker(settings: Settings) -> Breaker:
    return Breaker(settings.breaker_failures, settings.breaker_base_s, settings.breaker_cap_s)


def _patience(settings: Settings) -> Patience:
    return Patience(
        deadline_s=settings.webhook_deadline_s,
        base_s=settings.retry_base_s,
        cap_s=settings.retry_cap_s,
        after_timeout_s=settings.after_timeout_s,
        give_up_s=settings.give_up_s,
    )
