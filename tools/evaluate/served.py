"""The served path as a library: preprocessing's own use case, the real Triton, what postprocessing gets on its wire.

Only the two servers in front of preprocessing and postprocessing are left out; every line between them is theirs.
"""

import asyncio
import hashlib
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TypeVar

from services.chassis import rpc
from services.chassis.auth import TokenSource
from services.chassis.errors import Unavailable
from services.chassis.settings import read_secret
from services.contracts import plant as plants
from services.contracts.recipe import Recipe
from services.contracts.scopes import SERVICE_SCOPES
from services.postprocessing.adapters import wire
from services.postprocessing.domain.candidate import Candidate
from services.preprocessing.adapters import pixel_code
from services.preprocessing.adapters.images import Decoder
from services.preprocessing.adapters.judge import to_wire
from services.preprocessing.adapters.models import Models
from services.preprocessing.adapters.shared_memory import Slots
from services.preprocessing.adapters.triton import TritonDetector
from services.preprocessing.domain.frame import Frame, Golden, Seen, ServedModel
from services.preprocessing.domain.quality import Look
from services.preprocessing.domain.registration import GoldenProfile
from services.preprocessing.handlers import Inspector
from services.preprocessing.settings import Settings
from tools.plant.spec import service_settings
from tools.plant.state import PlantState, Ports

PARTS = ("inference", "issuer")
"""What of a plant must run."""
_NAME = "preprocessing"
_GIVE_UP_S = 60.0
_PAUSE_S = 0.2
T = TypeVar("T")


@dataclass(frozen=True)
class Sight:
    """One part as postprocessing gets it; `timings_ms` of the stages, and `total` from the encoded frame on."""

    candidates: list[Candidate]
    findings: list[str]
    model: ServedModel
    timings_ms: dict[str, float]


class _Judge:
    """Takes the place of the call to postprocessing: reads the message as postprocessing does, and hands it back."""

    async def judge(self, seen: Seen) -> Sight:
        inspection = to_wire(seen)
        return Sight(wire.candidates(inspection), wire.findings(inspection), seen.model, seen.timings_ms)


class _OwnClock:
    """Nothing is sent to the rules: no broker need be asked for the time."""

    known = False

    def now_s(self) -> float:
        return time.time()


class _Goldens:
    """One golden template at a time: the one that belongs to the part in hand."""

    golden: Golden

    async def get(self, _: str) -> Golden:
        return self.golden


@dataclass
class ServedPath:
    """Parts in, candidates out, one after the other."""

    inspector: Inspector
    goldens: _Goldens
    recipe: Recipe
    frame: Frame
    camera: str

    async def model(self) -> ServedModel:
        """The model that is served. Raises Unavailable when there is none after a minute."""

        async def ask() -> ServedModel:
            return self.inspector.detector.served(self.recipe.model)

        return await _patiently(ask)

    async def look(self, part: bytes, golden: bytes) -> Sight:
        """What the mesh sees on an encoded part. Raises a MeshError; Unavailable only after a minute without Triton."""
        image = self.inspector.decode(golden)
        self.goldens.golden = Golden(GoldenProfile.of(image), Look.of(image), hashlib.sha256(golden).hexdigest())
        number = self.frame.part_sequence + 1
        self.frame = replace(self.frame, image=part, part_sequence=number, inspection_id=f"evaluate-{number}")
        return await _patiently(self._inspect)

    async def _inspect(self) -> Sight:
        started = time.perf_counter()
        sight: Sight = await self.inspector.inspect(self.frame, self.camera)
        total_ms = 1e3 * (time.perf_counter() - started)
        return replace(sight, timings_ms=sight.timings_ms | {"total": total_ms})


async def _patiently(ask: Callable[[], Awaitable[T]]) -> T:
    """As a camera does: what was not answered is asked again."""
    ends = time.monotonic() + _GIVE_UP_S
    while True:
        try:
            return await ask()
        except Unavailable:
            if time.monotonic() > ends:
                raise
        await asyncio.sleep(_PAUSE_S * random.uniform(0.5, 1.5))


@asynccontextmanager
async def opened(state: PlantState) -> AsyncIterator[ServedPath]:
    """The served path of a running plant, with the settings that its preprocessing has, or would have."""
    settings = Settings.model_validate(service_settings(_NAME, state.root, Ports(state.ports)))
    plant = plants.load(settings.plant_file)
    place, _, station = next(plant.stations())
    recipe = next(recipe for recipe in plant.recipes if recipe.name == station.recipes[0])
    secret = read_secret(settings.client_secret_file, "client secret")
    token = TokenSource(settings.issuer_url, _NAME, secret, SERVICE_SCOPES[_NAME])
    models = Models(rpc.channel(settings.inference_target), token)
    key = read_secret(settings.triton_admin_key_file, "triton admin key")
    slots = Slots(1, 2 * recipe.height_px * recipe.width_px)
    detector = TritonDetector(settings.triton_target, key, models, slots, settings.triton_deadline_s)
    decode, goldens = Decoder(settings.max_image_bytes, settings.max_image_pixels), _Goldens()
    frame = Frame("", place.site, place.line, place.station, "evaluate", 0, "board", recipe.name, b"", time.time())
    try:
        await models.start()
        with ThreadPoolExecutor(settings.cpu_threads, "pixels") as pool:
            inspector = Inspector(
                plant, decode, goldens, detector, _Judge(), pool, 1, frozenset(), pixel_code.digest(), _OwnClock()
            )
            yield ServedPath(inspector, goldens, recipe, frame, station.camera_client)
    finally:
        await detector.stop()
        await models.stop()
        await token.close()
