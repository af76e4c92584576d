"""`jidoka chaos`: other ordeals join here as further subcommands."""

import typer

from tools.chaos.line_cli import line
from tools.chaos.mes_cli import mes
from tools.chaos.plant_cli import plant
from tools.chaos.verdicts_cli import verdicts

app = typer.Typer(
    no_args_is_help=True,
    help="Break a running mesh at random, repeatably by --seed, and prove that nothing was done twice, late or lost.",
)


@app.callback()
def chaos() -> None:
    """Keep `jidoka chaos` a group, however many commands it has."""


app.command()(line)
app.command()(mes)
app.command()(plant)
app.command()(verdicts)
