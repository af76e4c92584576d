"""What a frame must be to get in, and that nothing it can be takes the mesh down."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from services.chassis.errors import Denied, Exhausted, Invalid, NotFound, Unavailable
from services.contracts import plant as plants
from services.preprocessing.domain.frame import Candidate, Frame, Golden, ServedModel
from services.preprocessing.domain.quality import Look
from services.preprocessing.domain.registration import GoldenProfile
from services.preprocessing.handlers import Inspector

PLANT = plants.load(Path("deploy/plants/demo.yaml"))
RNG = np.random.default_rng(1)
BOARD = np.kron(RNG.integers(0, 2, (64, 64), np.uint8) * np.uint8(255), np.ones((10, 10), np.uint8))
FRAME = Frame("i-1", "lyon", "smt1", "aoi1", "lot1", 1, "board", "", b"picture", 0.0)
CAMERA = "camera-smt1-aoi1"


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
        yield Inspector(PLANT, lambda _: twins.picture, twins, twins, twins, pool, 2, frozenset({"gateway"}))


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
        (replace(FRAME, part_sequence=0), CAMERA, Invalid, "frame.part"),
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


async def test_too_many_frames_at_once_are_refused_before_acceptance(inspector, twins):
    inspector._in_flight = 2
    with pytest.raises(Exhausted):
        await inspector.inspect(FRAME, CAMERA)


async def test_a_judge_that_is_away_leaves_the_frame_with_the_camera_and_no_trace_of_it_here(inspector, twins):
    async def away(seen):
        raise Unavailable("the broker is away")

    twins.judge = away
    with pytest.raises(Unavailable):
        await inspector.inspect(FRAME, CAMERA)

    assert inspector._in_flight == 0
