"""Training in several processes, as on a machine with several GPUs; gloo stands where nccl would."""

import json
import os
import subprocess
import sys
from pathlib import Path

import torch

from tools.ports import free_port
from tools.train.state import averaged

PLAN = {
    "steps": 3,
    "batch": 2,
    "loader_processes": 0,
    "validate_every": 0,
    "precision": "fp32",
    "model": {"width": 0.25},
    "data": {"crop_px": 64},
}


def test_two_processes_train_one_network(tmp_path: Path) -> None:
    """The real `torchrun` with gloo: both see other crops, and end with the same weights."""
    script = tmp_path / "member.py"
    script.write_text(
        "import json, sys, torch\n"
        "from pathlib import Path\n"
        "from tools.boards.generator import pair\n"
        "from tools.train.config import load\n"
        "from tools.train.state import State\n"
        "from tools.train.team import assemble\n"
        "from tools.train.track import Silent\n"
        "from tools.train.trainer import Trainer\n"
        "torch.set_num_threads(1)\n"
        "plan = load(None, json.loads(sys.argv[1]))\n"
        "with assemble() as team:\n"
        "    state = State.fresh(plan)\n"
        "    Trainer(plan, state, team, Silent()).run([], [pair(0), pair(1)], Path(sys.argv[2]) / 'checkpoint.pt')\n"
        "    torch.save(state.model.state_dict(), Path(sys.argv[2]) / f'weights-{team.rank}.pt')\n"
    )
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-addr", "127.0.0.1"]
    subprocess.run(
        [*torchrun, "--master-port", str(free_port()), str(script), json.dumps(PLAN), str(tmp_path)],
        check=True,
        timeout=100,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"},
    )

    first, second = (torch.load(tmp_path / f"weights-{rank}.pt", weights_only=True) for rank in (0, 1))
    moving = [name for name in first if "running" not in name and "num_batches" not in name]
    assert all(torch.equal(first[name], second[name]) for name in moving)
    assert averaged(tmp_path / "checkpoint.pt")[1] == 3
