"""Golden templates in memory: more products than places, while other frames come and go."""

import asyncio
import io
from types import SimpleNamespace

import numpy as np
from PIL import Image

from services.preprocessing.adapters.goldens import StoredGoldens
from services.preprocessing.adapters.images import Decoder


class Store:
    """The object store, whose answer about a template can be held back."""

    def __init__(self) -> None:
        self.answers = asyncio.Event()
        self.asked = asyncio.Event()

    async def get_info(self, name: str) -> SimpleNamespace:
        self.asked.set()
        await self.answers.wait()
        return SimpleNamespace(digest=name)

    async def get(self, name: str) -> SimpleNamespace:
        picture = io.BytesIO()
        Image.fromarray(np.eye(64, dtype=np.uint8) * 255).save(picture, "PNG")
        return SimpleNamespace(data=picture.getvalue(), info=SimpleNamespace(digest=name))


def goldens(store: Store, places: int, age_s: float) -> StoredGoldens:
    async def object_store(_: str) -> Store:
        return store

    bus = SimpleNamespace(jetstream=SimpleNamespace(object_store=object_store))
    return StoredGoldens(bus, Decoder(1 << 20, 1 << 20), places, age_s)


async def test_a_template_that_another_frame_pushed_out_meanwhile_is_still_answered():
    """The one that came back was no longer there to be moved to the end: KeyError, and the frame was lost."""
    store = Store()
    kept = goldens(store, places=1, age_s=0.0)
    first = await kept.get("a")

    again = asyncio.create_task(kept.get("a"))
    await store.asked.wait()
    await kept.get("b")
    store.answers.set()

    assert await again is first


async def test_no_more_templates_are_kept_than_there_are_places():
    store = Store()
    store.answers.set()
    kept = goldens(store, places=2, age_s=0.0)

    for _ in range(3):
        await asyncio.gather(*(kept.get(f"p{n}") for n in range(5)))

    assert len(kept._cache) == 2
