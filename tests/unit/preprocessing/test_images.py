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
    return png(struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0), b"\0" * 1000)


def png(header: bytes, rows: bytes) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    body = zlib.compress(rows)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


@pytest.mark.parametrize(("mode", "kind"), [("L", "PNG"), ("RGB", "PNG"), ("L", "JPEG"), ("RGB", "JPEG")])
def test_png_and_jpeg_become_grey_rows_by_columns(mode, kind):
    image = decode(encoded(mode, kind))

    assert (image.shape, image.dtype) == ((48, 64), np.uint8)
    assert image.std() > 10


def deep(mode: str, kind: str = "PNG") -> bytes:
    """Sixteen bits a pixel: as the greyscale of a 12-bit camera, which is far from the top of the range."""
    if mode == "RGB":  # Pillow writes none
        header = struct.pack(">IIBBBBB", 64, 48, 16, 2, 0, 0, 0)
        return png(header, b"".join(b"\0" + b"\x0f\xff" * 64 * 3 for _ in range(48)))
    file = io.BytesIO()
    Image.fromarray(np.full((48, 64), 0x0FFF, np.uint16)).save(file, kind)
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (deep("L"), "16 bits"),
        (deep("RGB"), "16 bits"),
        (deep("L", "TIFF"), "neither PNG nor JPEG"),
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


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_sixteen_bits_are_refused_with_what_to_send_and_not_turned_white(mode):
    """Clipped at 255 a sound part is overexposed for ever, and nobody is told why."""
    with pytest.raises(Invalid) as refusal:
        decode(deep(mode))

    assert refusal.value.field == "frame.image"
    assert "send 8-bit grey or RGB" in refusal.value.fix


@pytest.mark.parametrize("mode", ["1", "LA", "P", "RGBA"])
def test_what_has_eight_bits_or_fewer_is_read_in_every_form(mode):
    assert decode(encoded(mode, "PNG")).shape == (48, 64)
