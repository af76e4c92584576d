"""How programs use a plant: `ensure_up`, `read_state`, `probe`, `watch`, `bring_down`.

state = ensure_up(Path(".jidoka"), Path("deploy/plants/demo.yaml"))
state.url("gateway"), state.secret("demo.client-secret"), state.ports["preprocessing-grpc"], state.parts["nats"].pid
"""

import asyncio
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import psutil

from tools.plant import gates, leftovers
from tools.plant.logs import last_line, log_file, open_log
from tools.plant.state import AS_EVER, REPOSITORY, PlantState, Progress, Start, read_state
from tools.plant.supervisor import RUNS_ALREADY, PlantFailed

__all__ = ["PlantFailed", "bring_down", "check_folder", "ensure_up", "probe", "read_state", "watch", "wipe"]

_POLL_S = 0.05
_LONGER_S = 30.0  # than the supervisor's own patience, whose reason is the better one
_ROOM_BYTES = 64 << 20
_SUPERVISOR = "tools.plant.supervisor"


def ensure_up(
    root: Path,
    source: Path,
    only: tuple[str, ...] = (),
    progress: Progress = lambda _: None,
    *,
    leashed: bool = False,
    start: Start = AS_EVER,
) -> PlantState:
    """The running, healthy plant of a folder; started, or started again after a kill -9, on the same ports.

    `only` limits a start to some parts and what they need. `leashed`: a plant that this call starts ends with our
    process, also when we are killed with -9; for tests. Raises PlantFailed with the reason.
    """
    if leashed:
        start = replace(start, leash=os.getpid())
    root, source = root.resolve(), source.resolve()
    check_folder(root)
    state = read_state(root)
    if state is not None and state.running() and state.phase in ("stopping", "failed"):
        bring_down(root)
    supervisor = None if state is not None and state.running() else _spawn(root, source, only, start)
    return _until_up(root, supervisor, progress, start.limit_s + _LONGER_S)


def _until_up(
    root: Path, supervisor: "subprocess.Popen[bytes] | None", progress: Progress, patience_s: float
) -> PlantState:
    last: PlantState | None = None
    ends = time.monotonic() + patience_s
    while time.monotonic() < ends:
        time.sleep(_POLL_S)
        code = supervisor.poll() if supervisor is not None else None
        if code == RUNS_ALREADY:
            supervisor = None  # another `up` was a little faster: its plant is waited for
            continue
        state = read_state(root)
        if state is not None and (supervisor is None or state.pid == supervisor.pid):
            progress(state)
            if state != last:
                last, ends = state, time.monotonic() + patience_s
            if state.phase == "up" and state.running():
                if supervisor is not None:
                    supervisor.returncode = 0  # it outlives us on purpose: else Popen warns that nobody waited
                return state
            if not state.running():
                raise PlantFailed(state.reason or _why_dead(root, code))
        elif code is not None:
            raise PlantFailed(_why_dead(root, code))
    raise PlantFailed(f"the supervisor says nothing new for {patience_s:.0f} s: see {log_file(root, 'plant')}")


def check_folder(root: Path) -> None:
    """Make the folder, and see whether a plant can live in it. Raises PlantFailed."""
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=root) as probe:
            probe.write(b"x")
    except OSError as error:
        raise PlantFailed(f"cannot write {root} ({error.strerror}); use --state DIR") from error
    free = shutil.disk_usage(root).free
    if free < _ROOM_BYTES:
        raise PlantFailed(f"only {free >> 20} MiB free for {root}: make room, or use --state DIR")


def _why_dead(root: Path, code: int | None) -> str:
    how = "died" if code is None else f"was ended by signal {-code}" if code < 0 else f"ended with code {code}"
    return f"the supervisor {how}: {last_line(root, 'plant') or 'it said nothing'}; see {log_file(root, 'plant')}"


def _spawn(root: Path, source: Path, only: tuple[str, ...], start: Start) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", _SUPERVISOR, "--state", str(root), "--plant", str(source)]
    with open_log(root, "plant") as out:
        return subprocess.Popen(
            [*command, *start.told(), "--only", *only],
            cwd=REPOSITORY,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )


async def probe(state: PlantState) -> dict[str, bool]:
    """Ask every part now whether it is healthy."""
    gated = {name: part.gate for name, part in state.parts.items() if part.gate}
    answers = await asyncio.gather(*(gates.answers(gate) for gate in gated.values()))
    finished = {name: part.phase == "done" for name, part in state.parts.items() if not part.gate}
    return dict(zip(gated, answers, strict=True)) | finished


async def watch(
    root: Path, source: Path, only: tuple[str, ...] = (), every_s: float = 0.2, *, leashed: bool = False
) -> None:
    """Bring the plant back whenever its supervisor was killed, until cancelled. Raises PlantFailed."""
    while True:
        state = read_state(root)
        if state is None or not state.running():
            await asyncio.to_thread(ensure_up, root, source, only, leashed=leashed)
        await asyncio.sleep(every_s)


def bring_down(root: Path, deadline_s: float = 60.0) -> None:
    """Stop the plant and wait until nothing of it runs; also after a kill -9 of the supervisor."""
    root = root.resolve()
    state = read_state(root)
    if state is not None and state.running():
        with contextlib.suppress(psutil.NoSuchProcess):
            supervisor = psutil.Process(state.pid)
            supervisor.terminate()
            try:
                supervisor.wait(deadline_s)
            except psutil.TimeoutExpired:
                supervisor.kill()
    leftovers.end(root)


def wipe(root: Path) -> None:
    """Stop the plant and forget all that it ever stored. Raises PlantFailed when the folder is none of ours."""
    if root.exists() and any(root.iterdir()) and not (root / "plant.json").exists():
        raise PlantFailed(f"{root} holds something that is no plant: it is not deleted")
    bring_down(root)
    shutil.rmtree(root, ignore_errors=True)
