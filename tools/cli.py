"""The `jidoka` command."""

import json
import re
import sys
from importlib import metadata
from pathlib import Path
from typing import Annotated

import typer

from services.contracts import plant as plants
from tools.bench.cli import app as bench_app
from tools.calibrate.cli import calibrate
from tools.certs.cli import app as certs_app
from tools.chaos.cli import app as chaos_app
from tools.deadletters.cli import app as deadletters_app
from tools.demo.cli import demo
from tools.engine.cli import app as engine_app
from tools.evaluate.cli import evaluate
from tools.explain.cli import explain
from tools.mes.cli import app as mes_app
from tools.models.cli import app as model_app
from tools.plant.cli import app as plant_app
from tools.replay.cli import replay
from tools.replay.image import image
from tools.rules.cli import app as rules_app
from tools.supplier.cli import app as supplier_app
from tools.toolwear.cli import toolwear
from tools.train.cli import app as train_app

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Jidoka looks at every part a line makes, stops the line when a defect repeats, and opens the work order.",
)
app.add_typer(plant_app)
app.add_typer(train_app)
app.add_typer(rules_app, name="rules")
app.add_typer(bench_app, name="bench")
app.add_typer(engine_app, name="engine")
app.add_typer(model_app, name="model")
app.add_typer(certs_app, name="certs")
app.add_typer(supplier_app, name="supplier")
app.add_typer(chaos_app, name="chaos")
app.add_typer(mes_app, name="mes")
app.add_typer(deadletters_app, name="deadletters")
app.command()(demo)
app.command()(evaluate)
app.command()(calibrate)
app.command()(explain)
app.command()(replay)
app.command()(image)
app.command()(toolwear)

_OURS = {"services", "tools", "jidoka"}


@app.command()
def check(plant: Annotated[Path, typer.Argument(help="The plant file.")]) -> None:
    """Check a plant file: names the file, the place in it and what to mend."""
    try:
        found = plants.load(plant)
    except plants.PlantError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    stations = ", ".join(str(place) for place, _, _ in found.stations())
    typer.echo(f"{plant}: good. Stations: {stations}. Rules version {found.rule_set.version}.")


@app.command()
def schema(out: Annotated[Path, typer.Argument(help="The file to write.")]) -> None:
    """Write the JSON schema of plant files: editors then complete fields and underline mistakes while one types.

    A plant file names it in its first line: # yaml-language-server: $schema=plant.schema.json
    """
    out.write_text(json.dumps(plants.schema(), indent=1) + "\n", encoding="utf-8")


def main() -> None:
    """Console script `jidoka`."""
    try:
        app()
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing in _OURS:
            raise
        named = " ".join(["jidoka", *sys.argv[1:2]])
        print(f"`{named}` needs {missing}, which is not installed: {_install(missing)}", file=sys.stderr)
        raise SystemExit(1) from None


def _install(package: str) -> str:
    """What to type. torch stands outside the lock, in the extra `train`."""
    for wanted in metadata.requires("jidoka") or ():
        name = re.split(r"[^A-Za-z0-9_.-]", wanted)[0]
        if name.lower().replace("-", "_") == package.lower():
            return f"{sys.executable} -m pip install {wanted.partition(';')[0].strip()}"
    return f"{sys.executable} -m pip install 'jidoka[all]'"


if __name__ == "__main__":
    main()
