"""Decoding what cameras send: once, to grey, and never before its size is known to be harmless."""

import io
import warnings

import numpy as np
from PIL import Image as Pillow
from PIL import UnidentifiedImageError

from services.chassis.errors import Invalid
from services.preprocessing.domain.frame import Image

_FIELD = "frame.image"
_FORMATS = ("PNG", "JPEG")
_PNG_DEPTH, _MOST_BITS = 24, 8
"""Where a PNG says its bits a sample (its header chunk always comes first), and how many are read."""


class Decoder:
    """Decodes PNG and JPEG of eight bits a sample to uint8 [H, W] within limits."""

    def __init__(self, max_bytes: int, max_pixels: int) -> None:
        self._max_bytes = max_bytes
        self._max_pixels = max_pixels

    def __call__(self, encoded: bytes) -> Image:
        """The grey picture. Raises Invalid naming what is wrong with the file and what to send instead."""
        if not encoded:
            raise Invalid("the image is empty (0 bytes)", field=_FIELD, fix="send a PNG or JPEG file")
        if len(encoded) > self._max_bytes:
            fix = f"send at most {self._max_bytes} bytes"
            raise Invalid(f"the image has {len(encoded)} bytes", field=_FIELD, fix=fix)
        try:
            with warnings.catch_warnings():
                # Pillow warns of a bomb and goes on; our own limit below decides, before a pixel is decoded.
                warnings.simplefilter("ignore", Pillow.DecompressionBombWarning)
                picture = Pillow.open(io.BytesIO(encoded), formats=_FORMATS)
            width, height = picture.size
            if width * height > self._max_pixels:
                fix = f"send at most {self._max_pixels} pixels"
                raise Invalid(f"the image has {width}x{height} pixels", field=_FIELD, fix=fix)
            if picture.format == "PNG" and encoded[_PNG_DEPTH] > _MOST_BITS:
                # Pillow clips grey at 255, and what fills the range (10, 12 or 16 bits) only the camera knows.
                fix = "send 8-bit grey or RGB; 16-bit is not read yet"
                raise Invalid(f"the image has {encoded[_PNG_DEPTH]} bits a sample", field=_FIELD, fix=fix)
            picture.draft("L", picture.size)  # JPEG: decode the luminance alone
            return np.asarray(picture.convert("L"))
        except (UnidentifiedImageError, Pillow.DecompressionBombError) as error:
            raise Invalid("the image is neither PNG nor JPEG", field=_FIELD, fix="send a PNG or JPEG file") from error
        except (OSError, SyntaxError, ValueError) as error:
            fix = "check the camera's link and send the frame again"
            raise Invalid(f"the image is broken: {error}", field=_FIELD, fix=fix) from error
