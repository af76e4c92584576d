"""Whatever a test starts ends with it, however it ends: `kill -9` of pytest must leave no process behind (R6)."""

import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tools.plant import control, leash, leftovers
from tools.plant.state import REPOSITORY

PLANT = REPOSITORY / "deploy" / "plants" / "demo.yaml"


def until(condition, deadline_s: float = 60.0) -> None:
    ends = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < ends, "it did not happen in time"
        time.sleep(0.05)


def starter(script: str, *arguments: object) -> tuple[subprocess.Popen[str], str]:
    """A process such as pytest, and the first line that it prints; it lives until it is killed."""
    command = [sys.executable, "-c", f"{script}\nimport time\ntime.sleep(600)", *map(str, arguments)]
    process = subprocess.Popen(leash.command(command), cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)
    return process, process.stdout.readline().strip()


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_server_ends_with_the_process_that_started_it_and_not_with_its_thread():
    """The kernel's promise is about the thread that forked: a pool's thread ends long before the test does."""
    script = """
import sys, threading
from tools.plant import leash
def start():
    print(leash.popen(["sleep", "600"]).pid, flush=True)
thread = threading.Thread(target=start)
thread.start()
thread.join()
"""
    process, pid = starter(script)
    server = psutil.Process(int(pid))
    until(lambda: server.name() == "sleep")

    assert server.is_running()  # the thread that asked for it is gone
    kill(process)
    until(lambda: not psutil.pid_exists(server.pid) or server.status() == psutil.STATUS_ZOMBIE)


def test_a_server_that_is_not_there_is_named_at_once():
    with pytest.raises(FileNotFoundError, match="no-such-server"):
        leash.popen(["no-such-server"])


def test_a_plant_ends_with_the_process_that_started_it(tmp_path: Path):
    """A test's supervisor lives in a session of its own: a killed pytest runs no fixture's teardown."""
    script = """
import sys
from pathlib import Path
from tools.plant import control
print(control.ensure_up(Path(sys.argv[1]), Path(sys.argv[2]), ("redis",), leashed=True).pid, flush=True)
"""
    root = tmp_path / "plant"
    process, pid = starter(script, root, PLANT)
    state = control.read_state(root)
    assert (state.pid, state.phase) == (int(pid), "up")
    assert leftovers.living(root)  # control: the search finds them

    kill(process)
    until(lambda: not control.read_state(root).running() and not leftovers.living(root))


def test_a_plant_of_which_nobody_holds_the_leash_any_more_does_not_stay(tmp_path: Path):
    """`jidoka up --leash PID` of a script that has ended meanwhile."""
    gone = subprocess.Popen(["true"])
    gone.wait()
    command = ["--state", str(tmp_path / "plant"), "--plant", str(PLANT), "--only", "redis", "--leash", str(gone.pid)]

    subprocess.run([sys.executable, "-m", "tools.plant.supervisor", *command], cwd=REPOSITORY, timeout=100, check=False)
    state = control.read_state(tmp_path / "plant")
    assert (state.phase, str(gone.pid) in state.reason) == ("failed", True)
    assert not leftovers.living(tmp_path / "plant")
