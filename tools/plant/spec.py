"""The table of parts: what runs, with which environment, what it needs first and what answers when it is healthy."""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from services.contracts.plant import Plant
from services.contracts.subjects import SERVICES
from tools.plant.broker import ADMIN, MQTT_WRITER, redis_binary
from tools.plant.credentials import (
    MES_PROGRESS,
    MES_SECRET,
    MES_TOKEN,
    SCRAPE_TOKEN,
    TRITON_KEY,
    mqtt_password_file,
    password_file,
    secret_file,
    users_file,
)
from tools.plant.state import REPOSITORY, Ports

MQTT = "mqtt-mirror"
LOOPBACK = ("127.0.0.1", "localhost")


@dataclass(frozen=True)
class Part:
    """One process."""

    name: str
    command: tuple[str, ...]
    gate: str
    """What answers when it is healthy, see gates.py; empty: a step that ends."""
    url: str = ""
    """Where users of the plant reach it."""
    needs: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    pulse: str = ""
    """What must go on answering, or it is started again; empty: the gate."""
    store: Path | None = None
    """Where it must be able to write: while that disk is full, starting it again would not help."""


def _python(module: str, *arguments: object) -> tuple[str, ...]:
    return (sys.executable, "-m", module, *map(str, arguments))


def parts(root: Path, plant: Plant, ports: Ports) -> list[Part]:
    """All parts of a plant; order is only for the eye, `needs` decides."""
    return [
        *_stores(root, plant, ports),
        *_simulators(root, plant, ports),
        *(_service(name, root, ports) for name in SERVICES if name != MQTT or plant.mqtt),
    ]


def _stores(root: Path, plant: Plant, ports: Ports) -> Iterator[Part]:
    nats, issuer = f"nats://{ports.at('nats')}", f"http://{ports.at('issuer')}"
    redis = f"redis://{ports.at('redis')}/0"
    password = secret_file(root, f"{ADMIN}.nats-password")
    traces = (
        "--grpc-port",
        ports["traces-grpc"],
        "--http-port",
        ports["traces-http"],
        "--database",
        root / "traces.db",
    )
    # healthz names each stream that cannot be written any more; the port alone would go on accepting.
    broker = ("nats-server", "-c", str(root / "nats.conf"))
    yield Part("nats", broker, f"http://{ports.at('nats-monitor')}/healthz", nats, store=root)
    yield Part("redis", (redis_binary(), str(root / "redis.conf")), f"redis://{ports.at('redis')}", redis)
    yield Part(
        "issuer",
        _python("tools.plant.idp", "--port", ports["issuer"], "--state", root),
        f"{issuer}/.well-known/openid-configuration",
        issuer,
    )
    yield Part(
        "traces", _python("tools.plant.traces", *traces), f"http://{ports.at('traces-http')}/livez", _otlp(ports)
    )
    kept = ("--evidence-days", plant.evidence.keep_days, "--evidence-mib", plant.evidence.most_mib)
    provision = _python("tools.plant.provision", "--nats", nats, "--password-file", password, *kept)
    yield Part("streams", provision, "", "", ("nats",))


def _otlp(ports: Ports) -> str:
    return f"http://{ports.at('traces-http')}/v1/traces"


def _simulators(root: Path, plant: Plant, ports: Ports) -> Iterator[Part]:
    for name, line in _plcs(plant):
        if is_simulated(line.plc.url):
            who = ("--line", line.name, "--kind", line.plc.adapter)
            own = ("--port", ports[name], "--namespace", line.plc.namespace, *who)
            memory = (
                "--retain",
                root / f"{name}.json",
                "--pki",
                root / "pki" / name,
                "--users",
                users_file(root, "plc"),
            )
            url = moved(line.plc.url, ports, name)
            yield Part(name, _python("tools.simulators.plc", *own, *memory), f"opc.tcp://{ports.at(name)}/", url)
    if is_simulated(plant.mes.url):
        secrets = ("--secret-file", secret_file(root, MES_SECRET), "--token-file", secret_file(root, MES_TOKEN))
        command = _python("tools.simulators.mes", "--port", ports["mes"], "--database", root / "mes.db", *secrets)
        yield Part("mes", command, f"http://{ports.at('mes')}/livez", f"http://{ports.at('mes')}")


def _plcs(plant: Plant) -> Iterator[tuple[str, Any]]:
    for site in plant.sites:
        for line in site.lines:
            yield f"plc-{site.name}-{line.name}", line


def is_simulated(url: str) -> bool:
    """A PLC or an MES that the plant file puts on this machine is one of ours; any other is used as it is."""
    return urlsplit(url).hostname in LOOPBACK


def _service(name: str, root: Path, ports: Ports) -> Part:
    told = service_settings(name, root, ports)
    prefix = f"JIDOKA_{name.upper().replace('-', '_')}_"
    env = {prefix + key.upper(): str(value) for key, value in told.items()}
    url = (
        f"http://{told['http_address']}"
        if name == "gateway"
        else str(told.get("scada_url") or told.get("grpc_address", ""))
    )
    health, command = f"http://{told['health_address']}", _python(f"services.{name.replace('-', '_')}")
    # Not ready is no reason to be started again: the broker may be away. Not alive is one.
    return Part(name, command, f"{health}/readyz", url, ("streams", "redis", "traces"), env, f"{health}/livez")


def service_settings(name: str, root: Path, ports: Ports) -> dict[str, object]:
    """What one service is told (the unit tests hold it against each Settings class)."""
    common = {
        "plant_file": root / "plant.yaml",
        "health_address": ports.at(f"{name}-health"),
        "nats_url": f"nats://{ports.at('nats')}",
        "nats_password_file": secret_file(root, f"{name}.nats-password"),
        "issuer_url": f"http://{ports.at('issuer')}",
        "client_secret_file": secret_file(root, f"{name}.client-secret"),
        "otlp_endpoint": ports.at("traces-grpc"),
        "scrape_token_file": secret_file(root, SCRAPE_TOKEN),
    }
    own: dict[str, dict[str, object]] = {
        "preprocessing": {
            "grpc_address": ports.at("preprocessing-grpc"),
            "triton_target": ports.at("triton-grpc"),
            "triton_admin_key_file": secret_file(root, TRITON_KEY),
            "inference_target": ports.at("inference-grpc"),
            "postprocessing_target": ports.at("postprocessing-grpc"),
        },
        "inference": {
            "grpc_address": ports.at("inference-grpc"),
            "triton_address": ports.at("triton-grpc"),
            "admin_key_file": secret_file(root, TRITON_KEY),
            "model_repository": REPOSITORY / "model_repository",
            "model_trust": REPOSITORY / "deploy" / "trust" / "models",
            "work_dir": root / "inference",
            "otlp_http_url": _otlp(ports),
        },
        "measurement": {"grpc_address": ports.at("measurement-grpc")},
        "postprocessing": {
            "grpc_address": ports.at("postprocessing-grpc"),
            "redis_url": f"redis://{ports.at('redis')}/0",
            "redis_password_file": secret_file(root, "redis.password"),
        },
        "opcua-bridge": {
            "pki": root / "pki" / name,
            "plc_password_file": password_file(root, "plc", "bridge"),
            "scada_url": f"opc.tcp://{ports.at('scada')}/jidoka",
            "scada_users_file": users_file(root, "scada"),
            "nodeset_folder": REPOSITORY / ".nodesets",
        },
        "mes-connector": {
            "mes_secret_file": secret_file(root, MES_SECRET),
            "database_url": f"sqlite:///{root / 'mes-connector.db'}",
            # The sandbox stands next door and answers at once: waits that suit an ERP would only bore.
            "retry_base_s": 0.5,
            "retry_cap_s": 5.0,
            "after_timeout_s": 2.0,
            "poll_every_s": 2.0,
            "breaker_base_s": 1.0,
            "breaker_cap_s": 5.0,
        },
        MQTT: {
            "mqtt_address": ports.at("mqtt"),
            "mqtt_user": MQTT_WRITER,
            "mqtt_password_file": mqtt_password_file(root, MQTT_WRITER),
        },
        "gateway": {
            "http_address": ports.at("gateway-http"),
            "preprocessing_target": ports.at("preprocessing-grpc"),
            "inference_target": ports.at("inference-grpc"),
            "mes_progress_secret_file": secret_file(root, MES_PROGRESS),
        },
    }
    return common | own[name]


def effective_plant(source: Path, ports: Ports) -> str:
    """The plant file with the ports that our simulators listen on. The file has been checked before."""
    document = yaml.safe_load(source.read_text(encoding="utf-8"))
    for site in document["sites"]:
        for line in site["lines"]:
            line["plc"]["url"] = moved(line["plc"]["url"], ports, f"plc-{site['name']}-{line['name']}")
    document["mes"]["url"] = moved(document["mes"]["url"], ports, "mes")
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True)


def moved(url: str, ports: Ports, name: str) -> str:
    """The URL at the port that the plant chose, unless it is on another machine."""
    return urlsplit(url)._replace(netloc=ports.at(name)).geturl() if is_simulated(url) else url


def with_needs(table: list[Part], names: tuple[str, ...]) -> list[Part]:
    """The named parts with all that they need; no names: all. Raises ValueError for an unknown name."""
    by_name = {part.name: part for part in table}
    if unknown := set(names) - set(by_name):
        raise ValueError(f"no part is called {', '.join(sorted(unknown))}; there are: {', '.join(by_name)}")
    wanted, found = list(names or by_name), set[str]()
    while wanted:
        name = wanted.pop()
        if name not in found:
            found.add(name)
            wanted += by_name[name].needs
    return [part for part in table if part.name in found]
