"""What is registered as a golden template can be one: a text file taken today blames tomorrow's camera."""

import io
import struct
import zlib
from pathlib import Path

import httpx
import numpy as np
import pytest
from front_door import browser, by
from PIL import Image

from services.chassis.auth import Principal
from services.contracts import plant as plants
from services.gateway.adapters.door import Door
from services.gateway.adapters.http_api import create
from services.gateway.domain import Bounded, View

PLANT = plants.load(Path("deploy/plants/demo.yaml"))
WIDTH, HEIGHT = PLANT.recipes[0].width_px, PLANT.recipes[0].height_px


class Tokens:
    async def verify(self, authorization: str) -> Principal:
        return Principal("alice", "hmi", frozenset({"product.write"}), frozenset())


class Products:
    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    async def put_golden(self, product_id: str, image: bytes) -> str:
        self.kept[product_id] = image
        return "digest"


def picture(mode: str = "L", size: tuple[int, int] = (WIDTH, HEIGHT), kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.new(mode, size).save(file, kind)
    return file.getvalue()


def deep() -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.full((HEIGHT, WIDTH), 40_000, np.uint16)).save(file, "PNG")
    return file.getvalue()


def bomb() -> bytes:
    """A header that announces 100 megapixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 10_000, 10_000, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"0")) + chunk(b"IEND", b"")


async def put(image: bytes) -> tuple[httpx.Response, Products]:
    products = Products()
    app = create(PLANT, View(Bounded(1), Bounded(1), Bounded(1)), Door(Tokens()), None, products, None, None, 8 << 20)
    async with browser(app) as client:
        url = "/v1/products/flange-60/golden"
        return await client.put(url, files={"image": image}, headers=by("alice")), products


@pytest.mark.parametrize(
    ("image", "says", "fix"),
    [
        (b"hello " * 100, "neither PNG nor JPEG", "send a PNG or JPEG file"),
        (b"", "neither PNG nor JPEG", "send a PNG or JPEG file"),
        (picture(kind="TIFF"), "neither PNG nor JPEG", "send a PNG or JPEG file"),
        (picture("RGB")[:-200], "broken", "save it again and send the whole file"),
        (deep(), "16 bits", "save it with 8 bits"),
        (picture(size=(2448, 2048)), "2448x2048", f"{WIDTH}x{HEIGHT}"),
        (bomb(), "10000x10000", f"{WIDTH}x{HEIGHT}"),
    ],
    ids=["text", "empty", "tiff", "truncated", "deep", "large", "bomb"],
)
async def test_what_can_be_no_golden_template_is_refused_with_field_and_fix(image, says, fix):
    answer, products = await put(image)

    assert answer.status_code == 400, answer.text
    said = answer.json()
    assert (said["field"], products.kept) == ("image", {})
    assert says in said["detail"]
    assert fix in said["fix"]


@pytest.mark.parametrize("image", [picture(), picture("RGB"), picture(kind="JPEG"), picture("1"), picture("P")])
async def test_a_picture_of_a_recipes_size_is_kept_byte_for_byte(image):
    answer, products = await put(image)

    assert (answer.status_code, answer.json()) == (200, {"productId": "flange-60", "sha256": "digest"})
    assert products.kept == {"flange-60": image}
