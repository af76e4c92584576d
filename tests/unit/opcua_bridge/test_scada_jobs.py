"""The life of job orders, by OPC 10031-4: what each command does in each state, and that a refusal changes nothing."""

import pytest

from services.opcua_bridge.domain.context import ContextChange
from services.opcua_bridge.domain.jobs import (
    COMMANDS,
    INVALID_REQUEST,
    INVALID_STATUS,
    NO_ERROR,
    UNABLE_TO_ACCEPT,
    UNKNOWN_ID,
    Job,
    Jobs,
    JobState,
)
from services.opcua_bridge.domain.line import LineName

LINE = LineName("lyon", "smt1")


def job(id_: str, lot: str = "L1") -> Job:
    return Job(id_, ContextChange(LINE, lot=lot, job_order=id_))


def after(*commands: str, limit: int = 4) -> Jobs:
    """A list with the order A, after these commands to it."""
    jobs, status = Jobs(limit).store(job("A"))
    for command in commands:
        jobs, status = jobs.command(command, "A")
        assert status is NO_ERROR, command
    assert status is NO_ERROR
    return jobs


@pytest.mark.parametrize(
    ("reached_by", "allowed"),
    [
        ((), {"start": JobState.RUNNING, "abort": JobState.ABORTED, "cancel": None}),
        (("start",), {"stop": JobState.ENDED, "pause": JobState.INTERRUPTED, "abort": JobState.ABORTED}),
        (
            ("start", "pause"),
            {"resume": JobState.RUNNING, "stop": JobState.ENDED, "abort": JobState.ABORTED},
        ),
        (("start", "stop"), {"clear": None}),
        (("abort",), {"clear": None}),
    ],
)
def test_in_each_state_only_what_the_standard_allows_is_done(reached_by, allowed):
    jobs = after(*reached_by)
    for command in COMMANDS:
        changed, status = jobs.command(command, "A")
        if command in allowed:
            left = changed.known.get("A")
            assert (status, left and left.state) == (NO_ERROR, allowed[command]), command
        else:
            assert (changed, status) == (jobs, INVALID_STATUS), command


def test_one_order_runs_at_a_time():
    jobs, _ = after("start").store(job("B"))
    jobs, status = jobs.command("start", "B")
    assert status is NO_ERROR
    assert {one.id: one.state for one in jobs.known.values()} == {"A": JobState.ENDED, "B": JobState.RUNNING}
    assert jobs.running == jobs.known["B"]


def test_what_is_not_known_cannot_be_commanded_or_updated():
    assert after().command("start", "B") == (after(), UNKNOWN_ID)
    assert after().update(job("B")) == (after(), UNKNOWN_ID)


def test_an_update_keeps_the_state_and_comes_too_late_when_the_order_is_over():
    jobs, status = after("start").update(job("A", "L2"))
    assert (status, jobs.running.context.lot) == (NO_ERROR, "L2")
    over = after("start", "stop")
    assert over.update(job("A", "L2")) == (over, INVALID_STATUS)


def test_a_full_list_forgets_what_is_over_and_nothing_else():
    full = after("start", limit=1)
    assert full.store(job("B")) == (full, UNABLE_TO_ACCEPT)
    jobs, status = after("start", "stop", limit=1).store(job("B"))
    assert (status, list(jobs.known)) == (NO_ERROR, ["B"])


def test_an_order_needs_an_id_of_its_own():
    assert after().store(job("")) == (after(), INVALID_REQUEST)
    assert after().store(job("A", "L2")) == (after(), UNABLE_TO_ACCEPT)
