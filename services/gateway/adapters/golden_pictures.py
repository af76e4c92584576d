"""What may be a golden template: decoded once before it is kept, or the first part would be blamed for it."""

import io
import warnings
from collections.abc import Collection

from PIL import Image, UnidentifiedImageError

from services.chassis.errors import Invalid

_FIELD = "image"
_FORMATS = ("PNG", "JPEG")
Size = tuple[int, int]
"""Width and height, in pixels."""


def check(encoded: bytes, sizes: Collection[Size]) -> None:
    """Raises Invalid for what preprocessing could not compare parts with; only one of the `sizes` is decoded at all."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the sizes decide
            picture = Image.open(io.BytesIO(encoded), formats=_FORMATS)
        if picture.size not in sizes:
            known = ", ".join(map(_text, sorted(sizes)))
            raise _refused(f"the picture has {_text(picture.size)} pixels", f"a recipe's size: {known}")
        if picture.mode.startswith(("I", "F")):
            raise _refused("the picture has 16 bits or more a pixel", "save it with 8 bits a channel")
        picture.load()
    except (UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise _refused("the file is neither PNG nor JPEG", "send a PNG or JPEG file") from error
    except (OSError, SyntaxError, ValueError) as error:
        raise _refused(f"the picture is broken: {error}", "save it again and send the whole file") from error


def _text(size: Size) -> str:
    return f"{size[0]}x{size[1]}"


def _refused(what: str, fix: str) -> Invalid:
    return Invalid(what, field=_FIELD, fix=fix)
