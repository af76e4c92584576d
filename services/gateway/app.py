"""How the gateway is put together."""

from services.chassis import rpc
from services.chassis.auth import TokenSource, TokenVerifier
from services.chassis.bus import Bus
from services.chassis.run import Service
from services.chassis.settings import read_secret
from services.contracts import plant as plants
from services.contracts.scopes import SERVICE_SCOPES
from services.contracts.subjects import inbox_of
from services.gateway.adapters import (
    audit_api,
    context_api,
    evidence_api,
    http_api,
    incidents_api,
    rules_api,
    suppliers_api,
    warnings_api,
    workorders_api,
)
from services.gateway.adapters.door import Door
from services.gateway.adapters.events import ViewReader
from services.gateway.adapters.http_server import HttpServer
from services.gateway.adapters.remote import RemoteInspection, RemoteModels, StoredProducts
from services.gateway.adapters.signatures import Seal
from services.gateway.adapters.stored_verdicts import StoredVerdicts
from services.gateway.domain import Bounded, View
from services.gateway.settings import Settings

NAME = "gateway"


def build(settings: Settings) -> Service:
    """The REST API and the view behind it."""
    plant = plants.load(settings.plant_file)
    bus = Bus(settings.nats_url, NAME, read_secret(settings.nats_password_file, "nats password"), inbox_of(NAME))
    secret = read_secret(settings.client_secret_file, "client secret")
    token = TokenSource(settings.issuer_url, NAME, secret, SERVICE_SCOPES[NAME])
    inspections, orders, proposals = (Bounded(settings.remembered) for _ in range(3))
    view = View(inspections, orders, proposals)
    view.audit, view.warnings, view.containments, view.incidents = (Bounded(settings.remembered) for _ in range(4))
    door = Door(TokenVerifier(settings.issuer_url, settings.audience, settings.roles_claim))
    limit = settings.max_image_bytes + (1 << 20)
    verdicts = StoredVerdicts(bus, view, [str(place) for place, _, _ in plant.stations()])
    app = http_api.create(
        plant,
        view,
        door,
        RemoteInspection(rpc.channel(settings.preprocessing_target, max_message_bytes=limit), token),
        StoredProducts(bus),
        RemoteModels(rpc.channel(settings.inference_target), token),
        verdicts,
        settings.max_image_bytes,
        settings.body_deadline_s,
    )
    rules_api.install(app, plant, view, door, rules_api.BusRules(bus))
    incidents_api.install(app, plant, view, door, bus)
    warnings_api.install(app, view, door)
    suppliers_api.install(app, view, door, settings.remembered)
    context_api.install(app, plant, door, bus)
    audit_api.install(app, view, door)
    evidence_api.install(app, verdicts, door, evidence_api.StoredPictures(bus, settings.max_image_bytes))
    workorders_api.install(app, view, door, bus, plant.mes.name, _seal(settings))
    reader = ViewReader(bus, view, settings.remembered)
    ready = {"broker": bus.healthy, "view": reader.healthy}
    return Service([bus, reader, HttpServer(app, settings.http_address)], ready)


def _seal(settings: Settings) -> Seal | None:
    file = settings.mes_progress_secret_file
    return Seal(read_secret(file, "mes_progress_secret_file")) if file else None
