"""What a frame must be to get in, and that nothing it can be takes the mesh down."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from jidoka.frame.v1 import frame_pb2

from services.chassis.errors import Denied, Exhausted, Invalid, NotFound, Unavailable
from services.contracts import plant as plants
from services.preprocessing.adapters import pixel_code
from services.preprocessing.adapters.grpc_api import _frame as from_wire
from services.preprocessing.adapters.judge import to_wire
from services.preprocessing.adapters.triton import _candidates as candidates_of
from services.preprocessing.domain.frame import Candidate, Frame, Golden, ServedModel
from services.preprocessing.domain.quality import Fit, Look, QualityLimits, change, gate
from services.preprocessing.domain.registration import GoldenProfile
from services.preprocessing.handlers import Inspector

PLANT = plants.load(Path("deploy/plants/demo.yaml"))
RNG = np.random.default_rng(1)
BOARD = np.kron(RNG.integers(0, 2, (64, 64), np.uint8) * np.uint8(255), np.ones((10, 10), np.uint8))
FRAME = Frame("i-1", "lyon", "smt1", "aoi1", "lot1", 1, "board", "", b"picture", 0.0)
CAMERA = "camera-smt1-aoi1"
NOW_S = 1_800_000_000.0


class Clock:
    """The broker's, standing still."""

    known = True

    def now_s(self) -> float:
        return NOW_S


class Twins:
    """In-memory goldens, detector and judge."""

    def __init__(self) -> None:
        self.picture = self.golden = BOARD
        self.seen = []

    async def get(self, product_id):
        if product_id != "board":
            raise NotFound(f"no golden template for {product_id!r}", field="frame.part.product_id")
        return Golden(GoldenProfile.of(self.golden), Look.of(self.golden), "golden-sha")

    def served(self, model):
        return ServedModel(model, "1", "digest", ("open",))

    async def detect(self, model, part, golden, request_id):
        self.pair = part, golden
        return (Candidate("open", 1, 1, 30, 30, 0.9), Candidate("open", 1, 1, 30, 30, 0.05))

    async def judge(self, seen):
        self.seen.append(seen)
        return "verdict"


@pytest.fixture
def twins():
    return Twins()


@pytest.fixture
def inspector(twins):
    with ThreadPoolExecutor(1) as pool:
        yield Inspector(
            PLANT, lambda _: twins.picture, twins, twins, twins, pool, 2, frozenset({"gateway"}), "code", Clock()
        )


async def test_a_frame_reaches_the_judge_with_what_is_needed_to_repeat_the_decision(inspector, twins):
    assert await inspector.inspect(FRAME, CAMERA) == "verdict"

    seen = twins.seen[0]
    assert seen.frame.recipe == "pcb"  # the station's default, named
    assert (seen.golden_sha256, seen.model.digest, len(seen.image_sha256)) == ("golden-sha", "digest", 64)
    assert set(seen.timings_ms) == {"decode", "register", "infer", "measure"}
    assert seen.findings == ()


async def test_the_golden_template_is_moved_under_the_part_so_that_boxes_stay_in_camera_pixels(inspector, twins):
    twins.picture = np.roll(BOARD, (2, 3), (0, 1))
    await inspector.inspect(FRAME, CAMERA)

    part, golden = twins.pair
    assert np.array_equal(part, twins.picture)
    assert np.mean(part[8:-8, 8:-8] != golden[8:-8, 8:-8]) < 0.001


async def test_a_box_ends_where_the_part_differs_from_its_template(inspector, twins):
    twins.picture = BOARD.copy()
    twins.picture[12:20, 12:20] = 255 - twins.picture[12:20, 12:20]
    await inspector.inspect(FRAME, CAMERA)

    strong, weak = twins.seen[
        0
    ].candidates  # the detector says 1 to 30; 12 and 19 with the recipe's margin are 2 and 29
    assert strong == Candidate("open", 2, 2, 29, 29, 0.9)
    assert weak == Candidate("open", 1, 1, 30, 30, 0.05)  # not worth the time


@pytest.mark.parametrize(
    ("frame", "client", "error", "field"),
    [
        (replace(FRAME, inspection_id=""), CAMERA, Invalid, "frame.inspection_id"),
        (replace(FRAME, inspection_id="a b"), CAMERA, Invalid, "frame.inspection_id"),
        (replace(FRAME, product_id="../x"), CAMERA, Invalid, "frame.part.product_id"),
        (replace(FRAME, part_sequence=0), CAMERA, Invalid, "frame.part.part_sequence"),
        (replace(FRAME, context={"cavity": ""}), CAMERA, Invalid, "frame.context.cavity"),
        (replace(FRAME, context={f"k{n}": "v" for n in range(17)}), CAMERA, Invalid, "frame.context"),
        (replace(FRAME, station="nowhere"), CAMERA, NotFound, "frame.station"),
        (replace(FRAME, recipe="other"), CAMERA, NotFound, "frame.recipe"),
        (replace(FRAME, product_id="unknown"), CAMERA, NotFound, "frame.part.product_id"),
        (FRAME, "camera-of-another-line", Denied, "frame.station"),
    ],
)
async def test_a_wrong_frame_is_refused_with_the_field_that_is_wrong(inspector, twins, frame, client, error, field):
    with pytest.raises(error) as refusal:
        await inspector.inspect(frame, client)

    assert refusal.value.field == field
    assert twins.seen == []
    assert await inspector.inspect(FRAME, CAMERA) == "verdict"  # and the mesh goes on


async def test_the_gateway_may_submit_for_any_station_because_it_has_checked(inspector):
    assert await inspector.inspect(FRAME, "gateway") == "verdict"


async def test_a_picture_of_another_size_names_what_the_recipe_wants(inspector, twins):
    twins.picture = BOARD[:100]
    with pytest.raises(Invalid, match="640x100") as refusal:
        await inspector.inspect(FRAME, CAMERA)

    assert "640x640" in refusal.value.fix


@pytest.mark.parametrize(
    ("picture", "code"),
    [
        (np.zeros_like(BOARD), "dark"),
        (np.full_like(BOARD, 255), "overexposed"),
        (np.full_like(BOARD, 128), "blurred"),
        (255 - BOARD, "misregistered"),
    ],
)
async def test_a_picture_that_proves_nothing_goes_to_the_judge_with_the_reason(inspector, twins, picture, code):
    twins.picture = picture
    await inspector.inspect(FRAME, CAMERA)

    assert code in {finding.code for finding in twins.seen[0].findings}


async def test_a_board_that_is_almost_blank_by_nature_is_no_bad_picture(inspector, twins):
    twins.picture = twins.golden = np.full_like(BOARD, 255)
    twins.picture[300:310, 300:310] = 0
    await inspector.inspect(FRAME, CAMERA)

    assert twins.seen[0].findings == ()


async def test_the_same_picture_of_another_part_is_a_frozen_camera_but_a_resend_is_not(inspector, twins):
    await inspector.inspect(FRAME, CAMERA)
    await inspector.inspect(FRAME, CAMERA)
    await inspector.inspect(replace(FRAME, inspection_id="i-2", part_sequence=2), CAMERA)

    assert [[f.code for f in seen.findings] for seen in twins.seen] == [[], [], ["frozen"]]


async def test_a_still_is_frozen_in_the_next_lot_too_however_its_file_was_encoded(inspector, twins):
    await inspector.inspect(FRAME, CAMERA)
    await inspector.inspect(replace(FRAME, lot_id="lot2", image=b"another file, the same pixels"), CAMERA)
    twins.picture = BOARD.copy()
    twins.picture[0, 0] ^= 1
    await inspector.inspect(replace(FRAME, lot_id="lot2", part_sequence=2), CAMERA)

    assert [[f.code for f in seen.findings] for seen in twins.seen] == [[], ["frozen"], []]


def test_where_every_picture_has_noise_a_still_that_is_encoded_anew_is_frozen_as_well():
    encoded_anew = BOARD.copy()
    encoded_anew[0, :100] ^= 1
    noisy = BOARD ^ RNG.integers(0, 2, BOARD.shape, np.uint8)
    with_noise = QualityLimits(0.3, 40, 0.12, min_change=0.01)

    def codes(part, before):
        found = gate(Look.of(part), Look.of(BOARD), Fit((0, 0), 0.0), change(part, before), with_noise)
        return [finding.code for finding in found]

    assert codes(encoded_anew, BOARD) == ["frozen"]
    assert codes(noisy, BOARD) == []
    assert codes(BOARD, None) == []
    assert codes(BOARD, BOARD[:100]) == []


@pytest.mark.parametrize(("limit", "codes"), [(None, []), (3, []), (2, ["displaced"])])
async def test_a_part_that_lies_further_off_than_the_recipe_allows_is_displaced(inspector, twins, limit, codes):
    recipe = PLANT.recipes[0]
    quality = recipe.quality.model_copy(update={"max_offset_px": limit})
    inspector.plant = PLANT.model_copy(update={"recipes": (recipe.model_copy(update={"quality": quality}),)})
    twins.picture = np.roll(BOARD, (-2, 3), (0, 1))
    await inspector.inspect(FRAME, CAMERA)

    assert [finding.code for finding in twins.seen[0].findings] == codes
    assert twins.seen[0].offset_px == (3, -2)


async def test_the_preprocessing_has_another_name_when_it_does_something_else_and_only_then(inspector, twins):
    async def digest(pixel_code="code", **recipe) -> str:
        inspector.pixel_code = pixel_code
        inspector.plant = PLANT.model_copy(update={"recipes": (PLANT.recipes[0].model_copy(update=recipe),)})
        await inspector.inspect(FRAME, CAMERA)
        return twins.seen[-1].preprocessing_digest

    standard = await digest()
    assert len(standard) == 64
    assert await digest(thresholds={"open": 0.9}, version=9) == standard
    assert len({standard, await digest(max_shift_px=4), await digest(extent=None), await digest("other code")}) == 4


def test_the_code_that_changes_pixels_is_named_by_what_it_is():
    assert len(pixel_code.digest()) == 64
    assert pixel_code.digest() == pixel_code.digest()


async def test_the_context_of_a_part_goes_with_it_to_the_judge(inspector, twins):
    frame = frame_pb2.Frame(
        inspection_id="i-1",
        station=frame_pb2.StationPath(site="lyon", line="smt1", station="aoi1"),
        part=frame_pb2.PartRef(lot_id="lot1", part_sequence=1, product_id="board"),
        image=b"picture",
        context={"cavity": "7", "supplier": "Müller & Söhne"},
    )
    await inspector.inspect(from_wire(frame), CAMERA)
    inspection = to_wire(twins.seen[0])

    assert dict(inspection.context) == {"cavity": "7", "supplier": "Müller & Söhne"}
    assert (inspection.part.lot_id, inspection.provenance.golden_sha256) == ("lot1", "golden-sha")


def test_a_network_that_overflows_says_so_to_the_judge_instead_of_letting_everything_pass():
    rows = np.array([[1, 1, 9, 9, 0.9, 0], [1, 1, 9, 9, np.nan, 0], [1, 1, 9, 9, 0.5, np.nan], [1, 1, 9, 9, 0.001, 0]])
    found = candidates_of(rows, ("open",))

    assert [c.label for c in found] == ["open", "open", "class nan"]
    assert np.isnan(found[1].score)


async def test_a_box_that_is_no_number_is_not_measured_but_handed_on(inspector, twins):
    async def overflow(*_):
        return (Candidate("open", np.nan, 1, 30, 30, 0.9), Candidate("open", 1, 1, np.inf, 30, 0.9))

    twins.detect = overflow
    await inspector.inspect(FRAME, CAMERA)

    assert len(twins.seen[0].candidates) == 2


async def test_too_many_frames_at_once_are_refused_before_acceptance(inspector, twins):
    go_on, detect = asyncio.Event(), twins.detect

    async def slow(*arguments):
        await go_on.wait()
        return await detect(*arguments)

    twins.detect = slow
    parts = [replace(FRAME, inspection_id=f"i-{n}", part_sequence=n) for n in (1, 2, 3)]
    looked_at = [asyncio.create_task(inspector.inspect(part, CAMERA)) for part in parts[:2]]
    await asyncio.sleep(0)  # both have begun
    with pytest.raises(Exhausted, match="2 frames are being inspected, 2 of them are this station's"):
        await inspector.inspect(parts[2], "gateway")  # for the same station
    go_on.set()

    assert await asyncio.gather(*looked_at) == ["verdict"] * 2
    assert await inspector.inspect(parts[2], CAMERA) == "verdict"


async def test_a_judge_that_is_away_leaves_the_frame_with_the_camera_and_no_trace_of_it_here(inspector, twins):
    async def away(seen):
        raise Unavailable("the broker is away")

    twins.judge = away
    with pytest.raises(Unavailable):
        await inspector.inspect(FRAME, CAMERA)

    assert inspector._slots.total == 0
