"""From labelled pairs to a checkpoint, behind `jidoka train`."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.boards.board import Pair
from tools.boards.deeppcb import DeepPcb
from tools.boards.generator import pair
from tools.train import distill, manifest, track
from tools.train.config import Config, load
from tools.train.state import State
from tools.train.team import Team, assemble
from tools.train.track import Silent, Watch
from tools.train.trainer import Trainer
from tools.train.validate import HeldOut

_FIRST_BOARD = 1_000_000
"""Board numbers from here on are for training; the demo and the evaluation use lower ones."""

Report = Callable[[str], None]


def drawn(count: int) -> list[Pair]:
    """Generated boards to train on; every tenth is a good one."""
    return [pair(_FIRST_BOARD + number, [] if number % 10 == 0 else None) for number in range(count)]


@dataclass(frozen=True)
class Pairs:
    """Everything a run looks at, in memory. Reading it checks the data: a bad file ends the run before step 1."""

    real: list[Pair]
    generated: list[Pair]
    held_out: HeldOut
    fingerprint: str

    @classmethod
    def read(cls, data: Path, holdout: list[str], plan: Config) -> "Pairs":
        """Raises BoardError with file and line for a broken image, a box outside of it or an unknown class."""
        known = DeepPcb(data)
        if unknown := set(holdout) - set(known.groups):
            raise ValueError(f"--holdout: no group {', '.join(sorted(unknown))}; {data} has {', '.join(known.groups)}")
        seen, unseen = known.without(holdout), known.only(holdout)
        every = max(1, len(unseen) // plan.validation_pairs)
        looks = unseen[::every] if plan.validate_every else []
        return cls(seen[:], drawn(plan.data.generated_boards), HeldOut.of(looks), manifest.fingerprint(seen))


@dataclass(frozen=True)
class Where:
    """A run's folder (checkpoint.pt, best.pt, run.json, tensorboard/) and the store of all runs (mlflow.db)."""

    out: Path
    store: Path

    @property
    def checkpoint(self) -> Path:
        return self.out / "checkpoint.pt"


def train(where: Where, plan: Config, pairs: Pairs, run: manifest.Run, *, resume: bool, stop_after_s: float) -> float:
    """One run, alone or as one of `torchrun`'s processes; the best mAP 50:95 seen on held-out pairs, -1 if none was.

    Same seed, settings, data, thread and process count give the same weights, unbroken or resumed.
    """
    with assemble() as team:
        if not team.leads:
            return _run(where, plan, pairs, team, Silent(), resume=resume, stop_after_s=stop_after_s)
        where.out.mkdir(parents=True, exist_ok=True)
        run.save(where.out)
        tags = {"code_commit": track.commit(), "data_fingerprint": pairs.fingerprint, "command": run.command}
        with Watch(plan, where.out, where.store, tags, pairs.held_out) as watch:
            return _run(where, plan, pairs, team, watch, resume=resume, stop_after_s=stop_after_s)


def _run(
    where: Where, plan: Config, pairs: Pairs, team: Team, tracker: Silent | Watch, *, resume: bool, stop_after_s: float
) -> float:
    state = State.fresh(plan, team.device)
    if resume:
        state.load(where.checkpoint)
    trainer = Trainer(plan, state, team, tracker, distill.teacher(plan.distillation, team.device))
    trainer.run(pairs.real, pairs.generated, where.checkpoint, stop_after_s)
    return state.best


def search(where: Where, plan: Config, pairs: Pairs, run: manifest.Run, *, trials: int, report: Report) -> Config:
    """Tries other rates, decays and losses with Optuna's TPE (Bergstra et al. 2011); the best settings found.

    Trials lie in `<out>/search.db`; started again it goes on where it was. Each trial is a short run of `plan.steps`
    with a folder of its own; hopeless ones end early through the plan's `patience`. Writes `<out>/best.json`.
    """
    import optuna  # noqa: PLC0415  # a second, which nobody else should pay

    where.out.mkdir(parents=True, exist_ok=True)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        storage=f"sqlite:///{where.out / 'search.db'}",
        study_name="detector",
        direction="maximize",
        load_if_exists=True,
        sampler=optuna.samplers.TPESampler(seed=plan.seed),
    )

    def attempt(trial: Any) -> float:
        changes = {
            "optimizer.learning_rate": trial.suggest_float("optimizer.learning_rate", 3e-4, 6e-3, log=True),
            "optimizer.weight_decay": trial.suggest_float("optimizer.weight_decay", 1e-3, 0.2, log=True),
            "loss.box": trial.suggest_float("loss.box", 1.0, 4.0),
            "data.photometric": trial.suggest_float("data.photometric", 0.1, 0.6),
            "data.copy_paste": trial.suggest_float("data.copy_paste", 0.0, 0.6),
        }
        tried = load(None, plan.model_dump(mode="json"), changes)
        place = Where(where.out / f"trial-{trial.number}", where.store)
        figure = train(place, tried, pairs, run, resume=False, stop_after_s=float("inf"))
        report(f"trial {trial.number}: {figure:.4f} with {changes}")
        return figure

    study.optimize(attempt, n_trials=max(0, trials - len(study.trials)))
    (where.out / "best.json").write_text(json.dumps(study.best_params, indent=2) + "\n")
    return load(None, plan.model_dump(mode="json"), study.best_params)
