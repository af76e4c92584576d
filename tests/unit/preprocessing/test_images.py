"""Bad pictures: each gets a typed error that names the field and the fix, before it can cost anything."""

import io
import struct
import time
import zlib

import numpy as np
import pytest
from PIL import Image

from services.chassis.errors import Invalid
from services.preprocessing.adapters.images import Decoder

decode = Decoder(max_bytes=200_000, max_pixels=1_000_000)


def encoded(mode: str, kind: str, size=(64, 48)) -> bytes:
    file = io.BytesIO()
    Image.effect_noise(size, 80).convert(mode).save(file, kind)
    return file.getvalue()


def png_bomb(width: int, height: int) -> bytes:
    """A PNG that claims so many pixels in a few bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = zlib.compress(b"\0" * 1000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


@pytest.mark.parametrize(("mode", "kind"), [("L", "PNG"), ("RGB", "PNG"), ("L", "JPEG"), ("RGB", "JPEG")])
def test_png_and_jpeg_become_grey_rows_by_columns(mode, kind):
    image = decode(encoded(mode, kind))

    assert (image.shape, image.dtype) == ((48, 64), np.uint8)
    assert image.std() > 10


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "0 bytes"),
        (b"this is a text file, not a picture", "neither PNG nor JPEG"),
        (encoded("L", "JPEG")[:-300], "broken"),
        (encoded("L", "PNG")[:-300], "broken"),
        (encoded("L", "GIF"), "neither PNG nor JPEG"),
        (b"\0" * 200_001, "200001 bytes"),
        (png_bomb(10_000, 10_000), "10000x10000 pixels"),
        (png_bomb(60_000, 60_000), "neither PNG nor JPEG|pixels"),
    ],
)
def test_a_bad_picture_names_the_field_and_the_fix(data, says):
    with pytest.raises(Invalid, match=says) as refusal:
        decode(data)

    assert refusal.value.field == "frame.image"
    assert refusal.value.fix


def test_a_bomb_is_refused_by_its_header_before_a_pixel_is_decoded():
    started = time.process_time()
    with pytest.raises(Invalid):
        decode(png_bomb(10_000, 10_000))

    assert time.process_time() - started < 0.5  # 100 megapixels cannot be decoded in this time
