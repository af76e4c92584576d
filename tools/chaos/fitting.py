"""The embedded plant's table of parts, refitted for an ordeal: wires between the parts, models of our own, stand-bys.

Pure but for the files that `Fitting` travels in. A link is called `client>server`, by the names of a part and of what
it reaches; the wire of a link listens on a port of its own, and the client is told that port for the server's.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from tools.plant.spec import Part
from tools.plant.state import Ports

SERVERS: Mapping[str, str] = {
    "NATS_URL": "nats",
    "REDIS_URL": "redis",
    "TRITON_TARGET": "triton-grpc",
    "INFERENCE_TARGET": "inference-grpc",
    "POSTPROCESSING_TARGET": "postprocessing-grpc",
    "PREPROCESSING_TARGET": "preprocessing-grpc",
}
"""The settings by which a service is told where another one is, and that one's name among the ports."""
ISSUER, CAMERA = "anybody>issuer", "cameras>preprocessing-grpc"
"""The issuer has one wire for all: its tokens name the address at which it is found."""
_OWN_ADDRESSES = ("HEALTH_ADDRESS", "GRPC_ADDRESS", "SCADA_URL")
TWINS = ("postprocessing", "opcua-bridge")


@dataclass(frozen=True)
class Fitting:
    """What is put into a plant."""

    plant_file: Path
    """What the services read: PLC and MES are where the wires are."""
    wires: Mapping[str, int] = field(default_factory=dict)
    models: Path | None = None
    trust: Path | None = None
    stand_by: bool = False
    """A second process of each of the TWINS."""

    def write(self, path: Path) -> None:
        """For another process."""
        path.write_text(json.dumps(asdict(self), default=str), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> "Fitting":
        """What another process has written."""
        kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        paths = {name: Path(kept[name]) for name in ("plant_file", "models", "trust") if kept[name]}
        return cls(**(kept | paths))


def links(table: list[Part]) -> Iterator[tuple[str, str]]:
    """(client, server) of everything that one part is told about another."""
    for part in table:
        for setting, server in SERVERS.items():
            if any(key.endswith(f"_{setting}") for key in part.env):
                yield part.name, server


def ends(link: str) -> tuple[str, str]:
    """The two parts of a link: a port's name is its part's, with the protocol behind it."""
    client, _, server = link.partition(">")
    return client, server.removesuffix("-grpc")


def with_twins(table: list[Part], ports: Ports) -> list[Part]:
    """The table with a stand-by behind each part that takes turns by lease."""
    return [each for part in table for each in (part, *([_twin(part, ports)] if part.name in TWINS else []))]


def fitted(table: list[Part], ports: Ports, fitting: Fitting) -> list[Part]:
    """The table as it shall run."""
    whole = with_twins(table, ports) if fitting.stand_by else table
    return [_issuer(part, fitting) if part.name == "issuer" else _service(part, ports, fitting) for part in whole]


def _twin(part: Part, ports: Ports) -> Part:
    name = f"{part.name}-2"
    env, gate, pulse, url = dict(part.env), part.gate, part.pulse, part.url
    for key, value in part.env.items():
        for setting in _OWN_ADDRESSES:
            if key.endswith(f"_{setting}"):
                host = value.removeprefix("opc.tcp://").partition("/")[0]
                own = ports.at(f"{name}-{setting.lower()}")
                env[key], gate, pulse, url = (text.replace(host, own) for text in (value, gate, pulse, url))
    return replace(part, name=name, env=env, gate=gate, pulse=pulse, url=url)


def _service(part: Part, ports: Ports, fitting: Fitting) -> Part:
    env = dict(part.env)
    for key, value in part.env.items():
        for setting, server in SERVERS.items():
            wire = fitting.wires.get(f"{part.name}>{server}")
            if key.endswith(f"_{setting}") and wire is not None:
                env[key] = value.replace(ports.at(server), f"127.0.0.1:{wire}")
        if key.endswith("_ISSUER_URL") and ISSUER in fitting.wires:
            env[key] = issuer_url(fitting.wires[ISSUER])
        if key.endswith("_PLANT_FILE"):
            env[key] = str(fitting.plant_file)
    if part.name == "inference":
        own = {"MODEL_REPOSITORY": fitting.models, "MODEL_TRUST": fitting.trust}
        env |= {f"JIDOKA_INFERENCE_{name}": str(path) for name, path in own.items() if path}
    store = part.store / part.name if part.store else None  # its own disk: where it is small, that one is full
    return replace(part, env=env, store=store)


def issuer_url(port: int) -> str:
    """Where all find the issuer, and what its tokens name."""
    return f"http://127.0.0.1:{port}"


def _issuer(part: Part, fitting: Fitting) -> Part:
    if ISSUER not in fitting.wires:
        return part
    command = tuple("tools.chaos.issuer_behind" if word == "tools.plant.idp" else word for word in part.command)
    return replace(part, command=(*command, "--found-at", str(fitting.wires[ISSUER])))
