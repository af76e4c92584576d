"""What each ingredient of the recipe is worth: the same short run with one thing changed, measured on held-out boards.

Every variant is one row of the model card's table. Short runs tell what helps early; their noise from seed to seed is
a row too, so that a difference can be told from luck.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tools.boards.board import Pair
from tools.boards.scan import jpeg
from tools.train.config import load
from tools.train.learn import Pairs
from tools.train.metrics import alarms
from tools.train.model import PairDetector
from tools.train.state import State
from tools.train.team import Team
from tools.train.track import Silent
from tools.train.trainer import Trainer
from tools.train.validate import HeldOut, figures

VARIANTS: dict[str, dict[str, Any]] = {
    "recipe": {},
    "recipe, another seed": {"seed": 1},
    "with the difference channel": {"model.difference": True},
    "without attention": {"model.attention": False},
    "focal loss (gamma 2, alpha 0.25)": {"loss.confidence": "focal"},
    "without copy-paste": {"data.copy_paste": 0.0},
    "with mosaic": {"data.mosaic": 0.3},
    "with MixUp": {"data.mixup": 0.15},
    "with CutMix": {"data.cutmix": 0.3},
    "without misalignment": {"data.misaligned": 0.0},
    "without clean pairs": {"data.clean": 0.0},
    "without role swaps": {"data.roles": 0.0},
    "generated boards alone": {"data.generated": 1.0},
}
Rows = dict[str, dict[str, float]]
"""Figures, as shares of one, by variant."""
_ALL = 1_000_000
RAW = "recipe, last weights instead of their average"
"""Costs no run of its own."""


def short(steps: int) -> dict[str, Any]:
    """The settings that all variants share: as in a full run, with one look at the end."""
    return {
        "steps": steps,
        "validate_every": steps,
        "validation_pairs": _ALL,
        "optimizer": {"warmup_steps": steps // 10},
    }


def ablate(
    base: dict[str, Any], names: Sequence[str], pairs: Pairs, team: Team, out: Path, report: Callable[[str], None]
) -> Rows:
    """Runs the variants `names` on top of `base` settings and writes their figures into `out` (JSON), one by one.

    Variants that `out` already has are left alone, so that a broken series goes on where it was.
    """
    judge, good = pairs.held_out, _good(pairs.held_out.pairs)
    for name in names:
        if name in _rows(out):
            continue
        plan = load(None, base, VARIANTS[name])
        state = State.fresh(plan, team.device)
        checkpoint = out.with_name(f"{out.stem}-{list(VARIANTS).index(name)}.pt")
        if checkpoint.is_file():
            state.load(checkpoint)
        Trainer(plan, state, team, Silent()).run(pairs.real, pairs.generated, checkpoint)
        _add(out, name, _measured(state.average, judge, good))
        if name == "recipe":
            _add(out, RAW, _measured(state.model, judge, good))
        report(f"{name}: {_rows(out)[name]}")
    return _rows(out)


def table(rows: Rows) -> str:
    """Markdown, in percent, next to the unchanged recipe."""
    head = ["mAP@0.33", "mAP50", "mAP50:95", "F", "alarms, unregistered"]
    lines = [f"| variant | {' | '.join(head)} |", "|---" * (1 + len(head)) + "|"]
    for name in (*VARIANTS, RAW):
        if row := rows.get(name):
            cells = (f"{100 * row[key]:.1f}" for key in ("map33", "map50", "map50_95", "f", "alarms_unregistered"))
            lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _good(held_out: Sequence[Pair]) -> HeldOut:
    """Good boards: every held-out golden image against itself, 1 to 3 px off and re-compressed, as it comes."""
    rng = np.random.default_rng(0)
    pairs = []
    for pair in held_out:
        dx, dy = (int(step) for step in rng.choice([-3, -2, -1, 1, 2, 3], 2))
        again = jpeg(np.roll(pair.golden, (dy, dx), (0, 1)), int(rng.integers(40, 91)))
        pairs.append(Pair(pair.name, pair.group, again, pair.golden, ()))
    return HeldOut([np.stack([p.part, p.golden]) for p in pairs], pairs)


def _measured(network: PairDetector, held_out: HeldOut, good: HeldOut) -> dict[str, float]:
    """The usual figures, and the share of good boards with an alarm when they are judged without registration."""
    found = figures(held_out.judge(network))
    wrong = [bool(len(alarms(judged.found, found["threshold"]))) for judged in good.judge(network)]
    return {name: round(value, 4) for name, value in {**found, "alarms_unregistered": float(np.mean(wrong))}.items()}


def _rows(out: Path) -> Rows:
    return json.loads(out.read_text()) if out.is_file() else {}


def _add(out: Path, name: str, row: dict[str, float]) -> None:
    out.write_text(json.dumps(_rows(out) | {name: row}, indent=2) + "\n")
