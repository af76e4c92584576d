"""Puts a whole embedded plant up for an ordeal: two stations, wires between its parts, a disk that can be filled."""

import asyncio
import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from services.chassis.bus import Bus
from services.contracts import plant as plants
from tools.chaos.fitting import CAMERA, ISSUER, Fitting, ends, links, with_twins
from tools.chaos.plant_disk import Store
from tools.chaos.plant_floor import MES, PLC, TRITON, PlantFloor
from tools.chaos.process import Process
from tools.chaos.wire import Wire
from tools.plant import spec
from tools.plant.broker import ADMIN
from tools.plant.control import PlantFailed
from tools.plant.logs import log_file
from tools.plant.state import REPOSITORY, PlantState, Ports, read_state
from tools.simulators.plc_memory import Memory

STATIONS = ("aoi1", "aoi2")
_START_S = 300.0
_LOOK_S = 0.05
_DEMO, _TRUST = REPOSITORY / "deploy/plants/demo.yaml", REPOSITORY / "deploy/trust/models"


@dataclass(frozen=True)
class _Layout:
    """Where everything will be, before anything runs."""

    ports: Ports
    parts: list[spec.Part]
    targets: dict[str, int]
    """Each link and the port that it leads to."""
    moved: dict[str, str]
    """What the plant file names, by the link that leads there."""

    @classmethod
    def of(cls, root: Path, source: Path, only: tuple[str, ...], *, stand_by: bool) -> "_Layout":
        ports = Ports()
        table = spec.with_needs(spec.parts(root, plants.load(source), ports), only)
        table = with_twins(table, ports) if stand_by else table
        running = {part.name for part in table}
        named = {f"opcua-bridge>{PLC}": PLC, f"mes-connector>{MES}": MES}
        moved = {link: server for link, server in named.items() if server in running}
        targets = {f"{client}>{server}": ports[server] for client, server in links(table)}
        targets |= {link: ports[server] for link, server in moved.items()} | {CAMERA: ports["preprocessing-grpc"]}
        return cls(ports, table, targets | {ISSUER: ports["issuer"]}, moved)


def foreseen(*, stand_by: bool) -> tuple[list[str], frozenset[str]]:
    """The parts of a whole plant that answer a probe, and those with a wire at one of their sides."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "source.yaml")
        source.write_text(yaml.safe_dump(two_stations()), encoding="utf-8")
        layout = _Layout.of(Path(folder), source, (), stand_by=stand_by)
    parts = [part.name for part in layout.parts if part.gate]
    return [*parts, TRITON], frozenset(part for link in layout.targets for part in ends(link))


@contextlib.asynccontextmanager
async def standing(
    folder: Path, only: tuple[str, ...] = (), *, store: Store | None = None, stand_by: bool = False
) -> AsyncIterator[PlantFloor]:
    """Build a plant in an empty folder and start it. Raises PlantFailed. Ends with us, however we end."""
    root, source = folder / "plant", folder / "source.yaml"
    (root / "nats").mkdir(mode=0o700, parents=True)
    source.write_text(yaml.safe_dump(two_stations()), encoding="utf-8")
    async with contextlib.AsyncExitStack() as stack:
        wires, fitting = await _wired(folder, root, source, only, stand_by, stack)
        told = ("--state", root, "--plant", source, "--fitting", folder / "fitting.json", "--only", *only)
        fitting.write(folder / "fitting.json")
        command = [sys.executable, "-m", "tools.chaos.host", *map(str, told)]
        host = Process("host", command, folder / "host.log", before=store(root / "nats") if store else ())
        stack.push_async_callback(asyncio.to_thread, host.stop, 60.0)
        host.start()
        state = await _up(root, host)
        bus = Bus(state.url("nats"), ADMIN, state.secret(f"{ADMIN}.nats-password"))
        await bus.start()
        stack.push_async_callback(bus.stop)
        disk = Path(f"/proc/{host.pid}/root{root / 'nats'}") if store else None
        assert fitting.models
        assert fitting.trust
        yield PlantFloor(root, wires, bus, host, fitting.models, fitting.trust, disk, Memory())


def two_stations() -> dict[str, Any]:
    """The demo's plant with a second station on its line, and as many stops as it takes."""
    plant: dict[str, Any] = yaml.safe_load(_DEMO.read_text(encoding="utf-8"))
    stations = plant["sites"][0]["lines"][0]["stations"]
    stations.append({"name": STATIONS[1], "camera_client": f"camera-smt1-{STATIONS[1]}", "recipes": ["pcb"]})
    plant["rule_set"]["stop_budget"] = {"stops": 60, "per_s": 60}
    plant["evidence"] = {"most_mib": 64}
    return plant


async def _wired(
    folder: Path, root: Path, source: Path, only: tuple[str, ...], stand_by: bool, stack: contextlib.AsyncExitStack
) -> tuple[dict[str, Wire], Fitting]:
    layout = _Layout.of(root, source, only, stand_by=stand_by)
    ports = layout.ports
    wires = {link: await stack.enter_async_context(Wire(target)) for link, target in layout.targets.items()}
    listening = {link: wire.port for link, wire in wires.items()}
    moved = Ports(ports | {server: listening[link] for link, server in layout.moved.items()})
    fitting = Fitting(folder / "wired.yaml", listening, folder / "models", folder / "trust", stand_by)
    fitting.plant_file.write_text(spec.effective_plant(source, moved), encoding="utf-8")
    shutil.copytree(REPOSITORY / "model_repository", folder / "models")
    shutil.copytree(_TRUST, folder / "trust")
    # Ports are kept from life to life: so the supervisor takes those that the wires lead to.
    PlantState(root=root, source=source, phase="down", pid=os.getpid(), created=0.0, ports=dict(ports)).write()
    return wires, fitting


async def up_again(floor: PlantFloor) -> None:
    """Start a plant again whose supervisor, and everything with it, was killed. Raises PlantFailed."""
    floor.host.start()
    await _up(floor.root, floor.host)


async def _up(root: Path, host: Process) -> PlantState:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_START_S):
            while not host.died:
                state = read_state(root)
                if state is not None and state.phase == "up" and state.pid == host.pid:
                    return state
                await asyncio.sleep(_LOOK_S)
    state = read_state(root)
    why = state.reason if state is not None else ""
    raise PlantFailed(f"the plant did not come up: {why or log_file(root, 'plant')} {host.tail(5)}")
