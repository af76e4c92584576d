"""`jidoka explain`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

if TYPE_CHECKING:
    from tools.boards.board import Image


def explain(
    out: Annotated[Path, typer.Option(help="PNG file to write.")],
    part: Annotated[Path | None, typer.Option(help="Picture of the part.")] = None,
    golden: Annotated[Path | None, typer.Option(help="Picture of its golden template, the same size.")] = None,
    board: Annotated[int | None, typer.Option(help="Instead of pictures: a generated board with this seed.")] = None,
    model: Annotated[Path, typer.Option(help="Folder of the model.")] = Path("model_repository/pcb_detector"),
    threshold: Annotated[float | None, typer.Option(help="Least score; the model's frozen one unless given.")] = None,
) -> None:
    """Show which pixels drove each box: gradient-weighted activations of the float32 model (HiResCAM), as an overlay.

    Needs torch, hence a workstation and not the plant. Bright is what raised the score; a box whose heat lies outside
    of it deserves a second look.

    jidoka explain --board 7 --out evidence.png
    """
    import cv2  # noqa: PLC0415  # `jidoka` must start quickly, and without the `train` extra

    from tools.boards.generator import pair  # noqa: PLC0415
    from tools.explain.cam import explain as ask  # noqa: PLC0415
    from tools.explain.overlay import overlay  # noqa: PLC0415
    from tools.explain.restore import restore  # noqa: PLC0415
    from tools.train import manifest  # noqa: PLC0415
    from tools.train.validate import registered  # noqa: PLC0415

    if (board is None) == (part is None or golden is None):
        raise typer.BadParameter("give --part and --golden, or --board")
    try:
        if board is not None:
            shown = pair(board)
            pixels, template = shown.part, shown.golden
        else:
            pixels, template = _pictures(cast("Path", part), cast("Path", golden))
        least = manifest.threshold(model) if threshold is None else threshold
        found = ask(restore(model / manifest.EXPORTED), registered(pixels, template), least)
    except (ValueError, OSError) as error:
        raise typer.BadParameter(str(error)) from error
    out.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(out), overlay(pixels, found))
    for e in found:
        typer.echo(f"{e.label:10} score {e.score:.2f}  {e.inside:.0%} of its evidence lies in its box")
    typer.echo(f"{len(found)} boxes at or above {least}: {out}")


def _pictures(part: Path, golden: Path) -> tuple["Image", "Image"]:
    import cv2  # noqa: PLC0415

    found = [cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) for path in (part, golden)]
    if found[0] is None or found[1] is None or found[0].shape != found[1].shape:
        raise ValueError(f"{part}, {golden}: two pictures of the same size are needed")
    return found[0].astype("uint8", copy=False), found[1].astype("uint8", copy=False)
