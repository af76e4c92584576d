"""`jidoka engine`."""

from pathlib import Path
from typing import Annotated

import typer

from services.chassis.errors import MeshError
from tools.engine.build import PRECISIONS, NoEngine, node_key
from tools.engine.build import build as build_plan

app = typer.Typer(no_args_is_help=True, help="TensorRT engines for the GPU at hand.")


@app.callback()
def engine() -> None:
    """TensorRT engines for the GPU at hand."""


@app.command()
def build(
    model: Annotated[Path, typer.Option(help="Folder of the model.")] = Path("model_repository/pcb_detector"),
    cache: Annotated[Path, typer.Option(help="Plans by GPU, driver and TensorRT version.")] = Path("out/engines"),
    trust: Annotated[Path, typer.Option(help="Public keys whose models are built.")] = Path("deploy/trust/models"),
    key: Annotated[
        Path, typer.Option("--node-key", help="Secret of this node, shared with its inference service (plan_key_file).")
    ] = Path("out/engines/node.key"),
    precision: Annotated[list[str] | None, typer.Option(help="fp16 or int8; may be repeated.  [both]")] = None,
) -> None:
    """Build the plans that configs/gpu_trt_fp16.pbtxt and gpu_trt_int8.pbtxt serve, unless the cache has them.

    Meant for an init job on the serving node; builds only what is signed, and seals the plan with a secret of the node
    (made when there is none), because nobody could tell a stranger's plan from ours otherwise. A plan fits one GPU
    type, driver and TensorRT version: after a change of any of them the job finds no plan under its key and builds
    anew, which takes minutes.
    """
    for wanted in precision or PRECISIONS:
        if wanted not in PRECISIONS:
            raise typer.BadParameter(f"{wanted!r}: choose from {', '.join(PRECISIONS)}")
        try:
            typer.echo(f"{build_plan(model, cache, wanted, trust, node_key(key))} is ready")
        except (NoEngine, MeshError, OSError) as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(1) from None
