"""Who may do what in the embedded plant: makes every secret and tells the issuer and the stores about it."""

from collections.abc import Iterator
from pathlib import Path

import yaml

from services.contracts import scopes
from services.contracts.plant import Plant
from services.contracts.subjects import SERVICES
from services.opcua_bridge.adapters.users import hashed
from tools.certs import ensure_pki
from tools.plant.broker import ADMIN, MQTT_READER, MQTT_WRITER, MqttListener, nats_config, redis_config
from tools.plant.keep import private, secret
from tools.plant.registry import ClientEntry, Person, Registry
from tools.plant.state import Ports

DEMO_CLIENT = "demo"
MES_CLIENT = "mes"
_MES_SCOPES = (scopes.RESULT_READ, scopes.CONTEXT_WRITE)
_DEMO_SCOPES = (scopes.RESULT_READ, scopes.PRODUCT_WRITE, scopes.MODEL_READ)
# One person for each role, and a second quality engineer: a change of recipe or rule takes two.
PEOPLE = {
    "alice": "quality-engineer",
    "quentin": "quality-engineer",
    "oscar": "operator",
    "mila": "ml-engineer",
    "maxim": "maintenance",
    "mes": "mes",
    "vera": "viewer",
    "august": "auditor",
    "adam": "admin",
}
TRITON_KEY, SCRAPE_TOKEN = "triton.admin-key", "metrics.scrape-token"
MES_SECRET, MES_TOKEN, MES_PROGRESS = "mes.webhook-secret", "mes.people-token", "mes.progress-secret"
# OPC UA accounts, named as their role: of the simulated PLCs, and of the bridge's own server for SCADA.
OPCUA_ROLES = {"plc": ("bridge", "operator", "observer"), "scada": ("observer", "operator", "engineer", "mes")}


def secret_file(root: Path, name: str) -> Path:
    """Where a secret is kept."""
    return root / "secrets" / name


def password_file(root: Path, server: str, role: str) -> Path:
    """Password of one of the `OPCUA_ROLES`."""
    return secret_file(root, f"{server}-{role}.password")


def mqtt_password_file(root: Path, user: str) -> Path:
    """The password of one of the two MQTT accounts."""
    return secret_file(root, f"{user}.mqtt-password")


def users_file(root: Path, server: str) -> Path:
    """All accounts of an OPC UA server, as it reads them."""
    return secret_file(root, f"{server}-users.yaml")


def make(root: Path, plant: Plant, ports: Ports) -> None:
    """Write secrets (kept from start to start), the issuer's registry and the stores' configuration (written anew)."""
    registry(plant, f"http://{ports.at('gateway-http')}/callback").write(root)
    for name in (TRITON_KEY, SCRAPE_TOKEN, MES_SECRET, MES_TOKEN, MES_PROGRESS):
        secret(secret_file(root, name))
    for server, roles in OPCUA_ROLES.items():
        accounts = {role: {"scrypt": hashed(secret(password_file(root, server, role))), "role": role} for role in roles}
        private(users_file(root, server), yaml.safe_dump(accounts))
    applications = [f"plc-{site.name}-{line.name}" for site in plant.sites for line in site.lines]
    ensure_pki(
        root / "pki", {name: f"urn:jidoka:{plant.name}:{name}" for name in ("opcua-bridge", "operator", *applications)}
    )
    passwords = {user: secret(secret_file(root, f"{user}.nats-password")) for user in (ADMIN, *SERVICES)}
    monitor, mqtt = ports.at("nats-monitor"), _mqtt(root, plant, ports)
    told = nats_config(ports.at("nats"), root / "nats", passwords, mqtt, monitor=monitor, evidence=plant.evidence)
    private(root / "nats.conf", told)
    (root / "redis").mkdir(exist_ok=True)
    password = secret(secret_file(root, "redis.password"))
    private(root / "redis.conf", redis_config(ports["redis"], root / "redis", password))
    for file in (*(client.secret_file for client in _clients(plant)), *(person.password_file for person in _people())):
        secret(root / file)


def _mqtt(root: Path, plant: Plant, ports: Ports) -> MqttListener | None:
    if plant.mqtt is None:
        return None
    passwords = {user: secret(mqtt_password_file(root, user)) for user in (MQTT_WRITER, MQTT_READER)}
    return MqttListener(ports.at("mqtt"), plant.mqtt.root, passwords)


def registry(plant: Plant, redirect_uri: str) -> Registry:
    """Services, cameras, the demo, and people."""
    return Registry(clients=tuple(_clients(plant)), people=tuple(_people()), redirect_uris=(redirect_uri,))


def _clients(plant: Plant) -> Iterator[ClientEntry]:
    granted = dict(scopes.SERVICE_SCOPES)
    granted |= {station.camera_client: (scopes.INSPECTION_SUBMIT,) for _, _, station in plant.stations()}
    granted |= {s.client: (scopes.MEASUREMENT_SUBMIT,) for _, _, station in plant.stations() for s in station.sensors}
    granted |= {DEMO_CLIENT: _DEMO_SCOPES, MES_CLIENT: _MES_SCOPES}
    for client, allowed in granted.items():
        yield ClientEntry(client_id=client, secret_file=Path("secrets", f"{client}.client-secret"), scopes=allowed)


def _people() -> Iterator[Person]:
    for name, role in PEOPLE.items():
        yield Person(user_name=name, password_file=Path("secrets", f"{name}.password"), roles=(role,))
