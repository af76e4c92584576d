"""The watch over one model and the supervisor over its server, against stand-ins that fail on command."""

import asyncio
import contextlib

import pytest

from services.chassis.errors import Bug, Denied, Invalid, MeshError, NotFound, Unavailable
from services.inference.domain.models import ModelSpec, ModelState, Signature, Tensor, contract
from services.inference.domain.supervision import Backoff, Policy, Sign
from services.inference.handlers import ModelWatch, Probing, Supervisor
from services.inference.ports import Answer

SPEC = ModelSpec("pcb", 64, 64)
PROBING = Probing(deadline_s=1.5, stall_s=0.05, warmup_inferences=2, warmup_deadline_s=60, retry=Backoff(0.0, 0.0))
POLICY = Policy(start_deadline_s=5, misses=2, backoff=Backoff(0.001, 0.002), budget=1000, window_s=600)


class StandIn:
    """Triton, its process and the model folder in one."""

    def __init__(self) -> None:
        self.found = contract(SPEC)
        self.version = "1"
        self.served_so_far = 0
        self.others_per_call = 0
        self.inferences = 0
        self.refuses: MeshError | None = None
        self.fails: MeshError | None = None
        self.dropped = False
        self.unsigned = False
        self.lives = 0
        self.kills = 0
        self.gone = asyncio.Event()

    async def live(self) -> bool:
        return True

    async def load(self, model: str) -> None:
        if self.refuses:
            raise self.refuses
        self.dropped = False

    async def signature(self, model: str) -> tuple[str, Signature]:
        return self.version, self.found

    async def served(self, model: str) -> int:
        if self.dropped:
            raise NotFound("pcb is not loaded")
        self.served_so_far += self.others_per_call
        return self.served_so_far

    async def infer(self, spec: ModelSpec, deadline_s: float) -> Answer:
        if self.fails:
            raise self.fails
        self.inferences += 1
        return Answer(self.version, 3.0)

    async def unload(self, model: str) -> None:
        self.dropped = True

    def check(self, model: str) -> None:
        if self.unsigned:
            raise Denied("signed by nobody")

    def digest(self, model: str, version: str) -> str:
        return f"digest of {version}"

    def labels(self, model: str) -> tuple[str, ...]:
        return ("open", "short")

    async def start(self) -> None:
        self.lives += 1
        self.gone.clear()

    async def failure(self) -> str:
        await self.gone.wait()
        return "tritonserver was ended by SIGKILL"

    async def kill(self) -> None:
        self.kills += 1

    async def stop(self) -> None: ...


@pytest.fixture
def triton() -> StandIn:
    return StandIn()


@pytest.fixture
async def watch(triton: StandIn) -> ModelWatch:
    watch = ModelWatch(SPEC, triton, triton, PROBING)
    assert await watch.look() is Sign.ANSWERS
    return watch


async def test_a_model_is_ready_after_warm_up_and_one_timely_answer(watch, triton):
    assert triton.inferences == 3
    assert (watch.status.state, watch.status.version, watch.status.digest) == (ModelState.READY, "1", "digest of 1")
    assert watch.status.last_probe_at_s > 0


async def test_a_late_answer_is_load_and_not_death_while_others_are_served(watch, triton):
    triton.fails, triton.others_per_call = Unavailable("Exceeds maximum queue size"), 7

    assert [await watch.look() for _ in range(5)] == [Sign.ANSWERS] * 5
    assert watch.status.state is ModelState.READY
    assert "busy" in watch.status.detail


async def test_a_late_answer_is_silence_when_nobody_was_served_for_a_while(watch, triton):
    triton.fails = Unavailable("Deadline Exceeded")
    await watch.look()
    await asyncio.sleep(PROBING.stall_s)

    assert await watch.look() is Sign.SILENT
    assert (watch.status.state, watch.status.detail) == (ModelState.FAILED, "Deadline Exceeded")


async def test_a_dead_model_process_is_silence_although_its_sister_serves_others(watch, triton):
    triton.fails, triton.others_per_call = Bug("Stub process 'pcb_0_0' is not healthy."), 7

    assert await watch.look() is Sign.SILENT


async def test_a_model_that_breaks_the_contract_fails_alone_and_names_both_sides(triton):
    triton.found = Signature(triton.found.inputs, (Tensor("boxes", "FP32", (-1, 50, 4)),))
    watch = ModelWatch(SPEC, triton, triton, PROBING)

    assert await watch.look() is Sign.ANSWERS
    assert watch.status.state is ModelState.FAILED
    assert "expected output detections FP32 [-1,100,6], found boxes FP32 [-1,50,4]" in watch.status.detail


async def test_a_refused_model_is_tried_again_until_it_is_repaired(triton):
    triton.refuses = Invalid("Triton: protobuf parsing failed")
    watch = ModelWatch(SPEC, triton, triton, PROBING)
    assert await watch.look() is Sign.ANSWERS
    assert (watch.status.state, watch.status.detail) == (ModelState.FAILED, "Triton: protobuf parsing failed")

    triton.refuses = None
    await watch.look()
    assert (watch.status.state, watch.status.detail) == (ModelState.READY, "")


async def test_a_model_that_somebody_unloaded_is_loaded_again(watch, triton):
    triton.dropped = True

    assert [await watch.look(), await watch.look()] == [Sign.ANSWERS] * 2
    assert watch.status.state is ModelState.READY


async def test_a_swapped_version_that_nobody_has_signed_is_taken_from_the_server_and_stays_away(watch, triton):
    triton.version, triton.unsigned = "2", True

    assert [await watch.look() for _ in range(3)] == [Sign.ANSWERS] * 3
    assert triton.dropped
    assert (watch.status.state, watch.status.detail) == (ModelState.FAILED, "signed by nobody")


async def test_a_swapped_version_is_reported_with_its_own_digest(watch, triton):
    triton.version = "2"
    await watch.look()

    assert (watch.status.version, watch.status.digest) == ("2", "digest of 2")


async def test_a_swapped_version_that_breaks_the_contract_is_noticed(watch, triton):
    triton.version, triton.found = "2", Signature((), ())
    await watch.look()

    assert watch.status.state is ModelState.FAILED
    assert "expected input images UINT8 [-1,2,64,64], found none" in watch.status.detail


@contextlib.asynccontextmanager
async def supervising(triton: StandIn, watch: ModelWatch):
    supervisor = Supervisor(triton, triton, [watch], POLICY, probe_interval_s=0.001, start_interval_s=0.001)
    await supervisor.start()
    yield supervisor
    await supervisor.stop()


async def until(condition) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - it looks from outside
            await asyncio.sleep(0.001)


async def test_silence_restarts_the_server_and_all_is_well_afterwards(triton):
    async with supervising(triton, ModelWatch(SPEC, triton, triton, PROBING)) as supervisor:
        await until(supervisor.ready)
        triton.fails = Unavailable("Deadline Exceeded")
        await until(lambda: triton.lives > 1)
        assert not supervisor.ready()
        triton.fails = None
        await until(supervisor.ready)

    assert triton.kills >= triton.lives - 1


async def test_an_exit_restarts_the_server_at_once_and_shows_as_the_reason(triton):
    watch = ModelWatch(SPEC, triton, triton, PROBING)
    async with supervising(triton, watch) as supervisor:
        await until(supervisor.ready)
        triton.refuses = Invalid("not yet")
        triton.gone.set()
        await until(lambda: watch.status.state is ModelState.FAILED)
        assert watch.status.detail in ("tritonserver was ended by SIGKILL", "not yet")
        triton.refuses = None
        await until(supervisor.ready)

    assert triton.lives == 2


async def test_a_server_that_cannot_start_is_tried_for_ever(triton, monkeypatch):
    async def cannot() -> None:
        triton.lives += 1
        raise OSError("no such file: setpriv")

    monkeypatch.setattr(triton, "start", cannot)
    async with supervising(triton, ModelWatch(SPEC, triton, triton, PROBING)) as supervisor:
        await until(lambda: triton.lives > 5)
        assert "cannot be started: no such file" in supervisor.statuses()[0].detail
