"""The watch over one model and the supervisor over its server, against stand-ins that fail on command."""

import asyncio
import contextlib

import pytest

from services.chassis.errors import Bug, Denied, Exhausted, Invalid, MeshError, NotFound, Unavailable
from services.inference.domain.models import ModelSpec, ModelState, Signature, Staged, Tensor, contract
from services.inference.domain.supervision import Backoff, Policy, Sign
from services.inference.handlers.supervisor import Supervisor
from services.inference.handlers.watch import ModelWatch, Probing
from services.inference.ports import Answer

SPEC = ModelSpec("pcb", 64, 64)
PROBING = Probing(
    deadline_s=1.5,
    stall_s=0.05,
    warmup_inferences=2,
    warmup_deadline_s=60,
    retry=Backoff(0.0, 0.0),
    retire_after_s=0.05,
)
POLICY = Policy(start_deadline_s=5, misses=2, backoff=Backoff(0.001, 0.002), budget=1000, window_s=600)


def copy_of(network: str) -> Staged:
    return Staged(f"pcb.{network}", network, f"digest of {network}", ("open", "short"), {})


class StandIn:
    """Triton, its process and the model folder in one."""

    def __init__(self) -> None:
        self.found = contract(SPEC)
        self.folder = "one"
        """The network that lies in the model's folder."""
        self.bad: MeshError | None = None
        """Why it may not be served."""
        self.changed_copies: set[str] = set()
        self.copies: set[str] = set()
        self.loaded: set[str] = set()
        self.meddled = False
        self.served_so_far = 0
        self.others_per_call = 0
        self.inferences = 0
        self.refuses: MeshError | None = None
        self.fails: MeshError | None = None
        self.lives = 0
        self.kills = 0
        self.gone = asyncio.Event()

    async def live(self) -> bool:
        return True

    async def load(self, model: str) -> None:
        if self.refuses:
            raise self.refuses
        self.loaded.add(model)

    async def unload(self, model: str) -> None:
        self.loaded.discard(model)
        self.meddled = False

    async def signature(self, model: str) -> Signature:
        return self.found

    async def served(self, model: str) -> int:
        if model not in self.loaded:
            raise NotFound(f"{model} is not loaded")
        self.served_so_far += self.others_per_call
        return self.served_so_far

    async def infer(self, name: str, spec: ModelSpec, deadline_s: float) -> Answer:
        if self.fails:
            raise self.fails
        assert name in self.loaded
        self.inferences += 1
        return Answer("2" if self.meddled else "1", 3.0)

    def stamp(self, model: str) -> object:
        return self.folder, str(self.bad)

    def stage(self, model: str) -> Staged:
        if self.bad:
            raise self.bad
        staged = copy_of(self.folder)
        self.copies.add(staged.name)
        self.changed_copies.discard(staged.name)
        return staged

    def check(self, staged: Staged) -> None:
        if staged.name in self.changed_copies:
            raise Denied("the copy was changed")

    def forget(self, staged: Staged) -> None:
        self.copies.discard(staged.name)

    async def start(self) -> None:
        self.lives += 1
        self.loaded.clear()
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
    assert (watch.status.state, watch.status.staged) == (ModelState.READY, copy_of("one"))
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
    triton.loaded.clear()

    assert [await watch.look(), await watch.look()] == [Sign.ANSWERS] * 2
    assert watch.status.state is ModelState.READY


async def test_what_somebody_loads_under_its_name_is_taken_from_the_server_and_ours_comes_back(watch, triton):
    triton.meddled = True

    await watch.look()
    assert watch.status.state is ModelState.FAILED
    assert "answered as version 2" in watch.status.detail
    assert not triton.loaded
    await watch.look()
    assert (watch.status.state, watch.status.detail) == (ModelState.READY, "")


async def test_a_new_network_is_served_beside_the_old_one_first_and_in_its_place_after_a_while(watch, triton):
    triton.folder = "two"
    await watch.look()

    assert watch.status.staged == copy_of("two")
    assert triton.loaded == {"pcb.one", "pcb.two"}
    await asyncio.sleep(PROBING.retire_after_s)
    await watch.look()
    assert triton.loaded == {"pcb.two"}
    assert triton.copies == {"pcb.two"}


async def test_a_new_network_that_is_not_signed_is_said_once_and_the_old_one_goes_on(watch, triton, caplog):
    """One file too many in the folder stopped the inspection of a line (B2)."""
    triton.folder, triton.bad = "two", Denied("signed by nobody")
    assert [await watch.look() for _ in range(3)] == [Sign.ANSWERS] * 3

    assert (watch.status.state, watch.status.staged) == (ModelState.READY, copy_of("one"))
    assert (watch.status.detail, watch.status.refused_newer) == ("", "signed by nobody")
    assert triton.loaded == {"pcb.one"}
    assert sum("signed by nobody" in record.message for record in caplog.records) == 1

    triton.bad = None
    await watch.look()
    assert (watch.status.staged, watch.status.refused_newer) == (copy_of("two"), "")


async def test_a_new_network_that_found_no_room_is_tried_again_though_nothing_changes_in_its_folder(
    watch, triton, monkeypatch
):
    triton.folder = "two"

    def no_room(_: str) -> Staged:
        raise Exhausted("cannot copy it: no space left on device")

    with monkeypatch.context() as full:
        full.setattr(triton, "stage", no_room)
        await watch.look()
    assert watch.status.staged == copy_of("one")
    await watch.look()
    assert (watch.status.staged, watch.status.refused_newer) == (copy_of("two"), "")


async def test_a_new_network_that_breaks_the_contract_is_unloaded_and_the_old_one_goes_on(watch, triton):
    triton.folder, triton.found = "two", Signature((), ())
    await watch.look()

    assert (watch.status.state, watch.status.staged) == (ModelState.READY, copy_of("one"))
    assert "expected input images UINT8 [-1,2,64,64], found none" in watch.status.refused_newer
    assert triton.loaded == {"pcb.one"}
    assert triton.copies == {"pcb.one"}


async def test_going_back_within_the_grace_keeps_the_one_that_was_to_go(watch, triton):
    triton.folder = "two"
    await watch.look()
    triton.folder = "one"
    await watch.look()
    await asyncio.sleep(PROBING.retire_after_s)
    await watch.look()

    assert watch.status.staged == copy_of("one")
    assert triton.loaded == {"pcb.one"}


async def test_after_a_restart_the_copy_is_served_again_whatever_lies_in_the_folder_now(watch, triton):
    watch.lost("tritonserver was ended by SIGKILL")
    triton.loaded.clear()
    triton.folder, triton.bad = "two", Denied("signed by nobody")

    assert await watch.look() is Sign.ANSWERS
    assert (watch.status.state, watch.status.staged) == (ModelState.READY, copy_of("one"))
    assert watch.status.refused_newer == "signed by nobody"


async def test_a_copy_that_was_changed_is_not_loaded_again_but_made_anew(watch, triton):
    watch.lost("tritonserver was ended by SIGKILL")
    triton.loaded.clear()
    triton.changed_copies.add("pcb.one")

    await watch.look()
    assert (watch.status.state, watch.status.detail) == (ModelState.FAILED, "the copy was changed")
    assert not triton.loaded
    await watch.look()
    assert watch.status.state is ModelState.READY


async def test_a_copy_that_served_is_kept_when_the_server_is_not_well(watch, triton):
    """Else a bad file in the folder would have the last word after all."""
    watch.lost("tritonserver was ended by SIGKILL")
    triton.loaded.clear()
    triton.folder, triton.bad = "two", Denied("signed by nobody")
    triton.refuses = Bug("Triton: no memory")
    await watch.look()
    assert watch.status.state is ModelState.FAILED

    triton.refuses = None
    await watch.look()
    assert (watch.status.state, watch.status.staged) == (ModelState.READY, copy_of("one"))


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
