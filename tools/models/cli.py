"""`jidoka model key | verify`."""

import contextlib
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from services.chassis.errors import MeshError
from services.chassis.settings import read_secret
from services.inference.adapters.model_folders import ModelFolders
from services.inference.adapters.staging import Staging
from services.inference.adapters.trust import TrustedKeys
from tools.train.sign import key_in, publish

app = typer.Typer(no_args_is_help=True, help="Keys that sign models, and what they have signed.")

Trust = Annotated[Path, typer.Option(help="Folder with the public keys whose models a plant serves.")]
TRUST = Path("deploy/trust/models")


@app.command()
def key(
    key: Annotated[Path, typer.Option(help="The private key; made when there is none.")] = Path("out/keys/model.pem"),
    trust: Trust = TRUST,
) -> None:
    """Make a key that signs models, and have plants serve what it signs.

    Keep the private half out of the repository and where few can read it; its public half is committed. To trust a key
    no longer take its file out of the folder: plants refuse its models at their next start.
    """
    try:
        public = publish(key_in(key), trust)
    except (ValueError, OSError) as error:
        raise typer.BadParameter(str(error)) from error
    typer.echo(f"{key} signs models (`jidoka export --key {key}`), {public} has plants serve them")


@app.command()
def verify(
    model: Annotated[Path, typer.Argument(help="Folder of the model.")] = Path("model_repository/pcb_detector"),
    trust: Trust = TRUST,
    config_name: Annotated[str, typer.Option(help="Configuration to be served: configs/NAME.pbtxt.")] = "",
    key: Annotated[
        Path | None, typer.Option("--node-key", help="For a TensorRT plan: what `jidoka engine build` had.")
    ] = None,
) -> None:
    """Say whether a plant would serve a model, and under which name, by copying it as the inference service does."""
    try:
        node_key = read_secret(key, "node-key") if key else ""
        folders = ModelFolders(model.parent, TrustedKeys(trust), config_name, node_key)
        with (
            tempfile.TemporaryDirectory(prefix="jidoka-model-") as folder,
            contextlib.closing(Staging(Path(folder, "staging"), folders)) as staging,
        ):
            staged = staging.stage(model.name)
        about = TrustedKeys(trust).verify(model)
    except MeshError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    signed = f"{len(about['files'])} files are as signed, the threshold is {about.get('threshold')}"
    typer.echo(f"{model}: good. {signed}. Version {staged.version} is served as {staged.name}.")
