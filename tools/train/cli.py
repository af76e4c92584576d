"""`jidoka train | export | freeze`: from labelled pairs to a model that Triton serves."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
import yaml

from services.chassis.errors import MeshError

app = typer.Typer(help="Train, export and freeze the pair detector.", no_args_is_help=True)

MODEL = Path("model_repository/pcb_detector")

Data = Annotated[Path, typer.Option(help="Folder that holds DeepPCB's PCBData/. It is read, never copied.")]
Holdout = Annotated[
    str,
    typer.Option(
        help="Board groups kept out of training, comma separated: whole groups, because boards of one group look alike "
        "and a random split flatters the model."
    ),
]
KEY, TRUST = Path("out/keys/model.pem"), Path("deploy/trust/models")
Key = Annotated[Path, typer.Option(help="Ed25519 key that signs the manifest; made when there is none.")]
Trust = Annotated[Path, typer.Option(help="Where the public half of a key made here goes.")]
Boards = Annotated[int, typer.Option(help="Generated boards to judge, as many again without defects.")]
Model = Annotated[Path, typer.Option(help="Folder of the model in the repository (1/model.onnx, manifest.json).")]

# The commands import torch when called: `jidoka` must start quickly, and without the `train` extra.
# ruff: noqa: PLC0415


@contextmanager
def _plainly() -> Iterator[None]:
    """A wrong folder or file ends with its message, not with a stack trace."""
    try:
        yield
    except (ValueError, OSError, MeshError) as error:
        raise typer.BadParameter(str(error)) from error


@app.command()
def train(
    *,
    data: Data,
    out: Annotated[Path, typer.Option(help="Folder for the run: checkpoint.pt, best.pt, run.json, tensorboard/.")],
    config: Annotated[Path | None, typer.Option(help="YAML file with settings; see tools/train/config.py.")] = None,
    change: Annotated[
        list[str] | None, typer.Option("--set", help="One setting, on top of the file: optimizer.learning_rate=0.001.")
    ] = None,
    holdout: Holdout = "92000,50600",
    steps: Annotated[
        int | None, typer.Option(help="Short for --set steps=N: 1000 give a usable model, 6000 nearly the best.")
    ] = None,
    minutes: Annotated[float, typer.Option(help="Stop early, with a checkpoint, after this long.")] = float("inf"),
    resume: Annotated[bool, typer.Option(help="Go on from the checkpoint in --out.")] = False,
    search: Annotated[int, typer.Option(help="Try so many other settings first (Optuna), each a run of --steps.")] = 0,
    store: Annotated[Path, typer.Option(help="Folder of mlflow.db, the record of all runs.")] = Path("out/runs"),
    threads: Annotated[int, typer.Option(help="CPU threads; results repeat only for the same number.")] = 2,
) -> None:
    """Train on DeepPCB mixed with generated boards. After an interruption rerun with --resume.

    The learning rate follows the steps: choose --steps for the time you have (0.2 s each on two idle AMX cores). The
    loss, figures on held-out boards and overlays: tensorboard --logdir RUN/tensorboard. Several GPUs or machines:
    torchrun --nproc-per-node N -m tools.cli train ...
    """
    from tools.train import learn, manifest, track
    from tools.train.config import load

    with _plainly():
        wanted = dict(_setting(text) for text in change or ()) | ({"steps": steps} if steps else {})
        plan = load(config, changes=wanted)
        track.threads(threads)
        groups = [group for group in holdout.split(",") if group]
        pairs = learn.Pairs.read(data, groups, plan)
        typer.echo(
            f"{len(pairs.real)} pairs read, {len(pairs.generated)} drawn, {len(pairs.held_out.pairs)} to look at"
        )
        command = f"jidoka train --data DIR --holdout {holdout}" + "".join(f" --set {k}={v}" for k, v in wanted.items())
        run = manifest.Run(command, plan.seed, plan.steps, groups, plan.data.generated_boards, pairs.fingerprint)
        where = learn.Where(out, store)
        if search:
            plan = learn.search(where, plan, pairs, run, trials=search, report=typer.echo)
        best = learn.train(where, plan, pairs, run, resume=resume, stop_after_s=60 * minutes)
    typer.echo(f"{where.checkpoint} written; best mAP 50:95 on held-out boards {best:.4f}")


@app.command()
def prune(
    run: Annotated[Path, typer.Option(help="Folder of a training run.")],
    out: Annotated[Path, typer.Option(help="File for the smaller network; train on with --set start_from=FILE.")],
    keep: Annotated[float, typer.Option(help="Share of the channels inside the residual blocks to keep.")] = 0.5,
) -> None:
    """Cut the channels that matter least out of a trained network.

    It has to be trained on afterwards:

    jidoka train --out RUN2 --set start_from=FILE --set model.inner=KEEP --set optimizer.learning_rate=0.0005
    """
    from tools.train.config import Config
    from tools.train.prune import prune as cut
    from tools.train.state import State, averaged

    with _plainly():
        slim = cut(averaged(run / "checkpoint.pt")[0], keep)
        state = State.fresh(Config(model=slim.shape))
        for network in (state.model, state.average):
            network.load_state_dict(slim.state_dict())
        out.parent.mkdir(parents=True, exist_ok=True)
        state.save(out)
    typer.echo(f"{out}: {sum(weight.numel() for weight in slim.parameters())} parameters")


@app.command()
def ablate(
    data: Data,
    out: Annotated[Path, typer.Option(help="JSON file for the figures; rows that it has are not run again.")],
    holdout: Holdout = "92000,50600",
    steps: Annotated[int, typer.Option(help="Length of each run; all else as in `train`.")] = 1200,
    only: Annotated[list[str] | None, typer.Option(help="A variant by its name; all of them unless given.")] = None,
    threads: Annotated[int, typer.Option(help="CPU threads.")] = 2,
) -> None:
    """What each ingredient of the recipe is worth: the same short run again and again, one thing changed each time.

    Takes hours; interrupted, it goes on with the row where it was. Ends with the table of the model card.
    """
    from tools.train import ablate as series
    from tools.train import learn, track
    from tools.train.config import load
    from tools.train.team import assemble

    with _plainly():
        names = only or list(series.VARIANTS)
        if unknown := set(names) - set(series.VARIANTS):
            raise ValueError(f"--only {min(unknown)!r}: choose from {', '.join(series.VARIANTS)}")
        plan = load(None, series.short(steps))
        track.threads(threads)
        pairs = learn.Pairs.read(data, [group for group in holdout.split(",") if group], plan)
        with assemble() as team:
            rows = series.ablate(plan.model_dump(mode="json"), names, pairs, team, out, typer.echo)
    typer.echo(series.table(rows))


def _setting(text: str) -> tuple[str, object]:
    name, equals, value = text.partition("=")
    if not equals:
        raise ValueError(f"--set {text}: write it as name=value, like steps=6000")
    return name, yaml.safe_load(value)


@app.command()
def export(
    *,
    run: Annotated[Path, typer.Option(help="Folder of a training run.")],
    data: Data,
    model: Model = MODEL,
    key: Key = KEY,
    trust: Trust = TRUST,
    boards: Boards = 200,
) -> None:
    """Turn a run's averaged network into the model that is served: ONNX as trained, and in eight bits.

    Nothing changes in the model folder until torch, ONNX Runtime and a real Triton agree on golden boards, the
    threshold is chosen on the groups that the run never saw, the manifest is signed and a plant would believe it: then
    all enters at once. Commit the model and the public key; a running plant serves it from its next start.
    """
    from tools.train import pipeline, sign

    with _plainly():
        signer = sign.signing_key(key, trust)
        found = pipeline.export(run, data, model, signer, trust=trust, boards=boards, report=typer.echo)
    typer.echo(_listed(found))
    typer.echo(f"{model} holds it, signed with {key}")


@app.command()
def freeze(
    *,
    data: Data,
    model: Model = MODEL,
    holdout: Holdout = "92000,50600",
    boards: Boards = 200,
    keep: Annotated[
        bool, typer.Option("--keep", help="Measure at the threshold frozen before, and write nothing.")
    ] = False,
    key: Key = KEY,
    trust: Trust = TRUST,
) -> None:
    """Choose the model's threshold anew on groups it never saw, and sign it with all figures measured at it.

    Runs ONNX Runtime alone, on the held-out groups, on good boards (false alarms) and on generated ones; how the mesh
    as a whole does on any set of boards, `evaluate` says. The threshold is the middle of the range in which F is best.
    Freeze it once per model: choosing it again on the data it is judged by makes every later figure a little too good.
    """
    from tools.train import pipeline, sign

    with _plainly():
        signer = None if keep else sign.signing_key(key, trust)
        found = pipeline.freeze(data, model, holdout=holdout.split(","), boards=boards, key=signer, trust=trust)
    typer.echo(_listed(found))


def _listed(figures: dict[str, float]) -> str:
    return "\n".join(f"{name:28}{value:9.4f}" for name, value in figures.items())
