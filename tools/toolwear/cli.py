"""`jidoka toolwear`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

console = Console()


def toolwear(
    data: Annotated[Path, typer.Option(help="Folder with the one CSV file: tool, Vb (µm), features. Only read.")],
    feature: Annotated[str, typer.Option(help="The column that the rules watch.")] = "F_f_RMS",
    fresh: Annotated[int, typer.Option(min=1, help="Seconds that show what the fresh tool is like.")] = 10,
    limit_um: Annotated[float, typer.Option(min=1, help="Flank wear that must not be reached.")] = 300.0,
    aim_um: Annotated[float | None, typer.Option(help="Where the order should come; none: 2/3 of the limit.")] = None,
    json: Annotated[Path | None, typer.Option(help="Write all figures to this file.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write table and curves to this file.")] = None,
) -> None:
    """Would the plant's rules have ordered a new tool in time? Each tool is judged by what the others taught.

    Tried are the rules of the plant file: a trend against the tool's own fresh value, a trend of the value as it is,
    and a CUSUM. For each tool their settings are chosen on all other tools, and only then this one is looked at. An
    order is in time when it comes before the limit, and a false alarm when it comes before half of it.
    """
    from tools.toolwear.data import load  # noqa: PLC0415  # a second that `jidoka status` must not pay
    from tools.toolwear.left_out import Terms  # noqa: PLC0415
    from tools.toolwear.report import as_html, as_json, as_table, study  # noqa: PLC0415

    try:
        lives = load(data, feature)
    except (ValueError, OSError) as error:
        console.print(f"[red]No study:[/] {error}", soft_wrap=True, highlight=False)
        raise typer.Exit(1) from None
    terms = Terms(limit_um, aim_um or limit_um * 2 / 3)
    with console.status("Trying the rules; some minutes"):
        found = study(lives, feature, fresh, terms)
    for trial in found.trials:
        console.print(as_table(trial, terms))
        console.print(trial.sentence, highlight=False, soft_wrap=True)
    console.print(*found.caveats, sep="\n", highlight=False, soft_wrap=True)
    for path, text in ((json, as_json), (html, as_html)):
        if path:
            path.write_text(text(found), encoding="utf-8")
