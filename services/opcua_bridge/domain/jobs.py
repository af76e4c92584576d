"""The job orders of one line, in the states of ISA-95 Job Control (OPC 10031-4): one of them runs at a time."""

from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Any

from services.opcua_bridge.domain.context import ContextChange


class JobState(IntEnum):
    """The standard's state numbers. AllowedToStart is passed through: a line can always begin."""

    NOT_ALLOWED_TO_START = 1
    ALLOWED_TO_START = 2
    RUNNING = 3
    INTERRUPTED = 4
    ENDED = 5
    ABORTED = 6


class ReturnStatus(IntEnum):
    """What a method answers: the bits of OPC 10031-4 B.2."""

    NO_ERROR = 1 << 0
    UNKNOWN_ID = 1 << 1
    INVALID_STATUS = 1 << 3
    UNABLE_TO_ACCEPT = 1 << 4
    INVALID_REQUEST = 1 << 32


NO_ERROR, UNKNOWN_ID, INVALID_STATUS, UNABLE_TO_ACCEPT, INVALID_REQUEST = ReturnStatus
_WAITING = frozenset({JobState.NOT_ALLOWED_TO_START, JobState.ALLOWED_TO_START})
_BEGUN = frozenset({JobState.RUNNING, JobState.INTERRUPTED})
_OVER = frozenset({JobState.ENDED, JobState.ABORTED})
_MOVES = {
    "start": (_WAITING, JobState.RUNNING),
    "stop": (_BEGUN, JobState.ENDED),
    "pause": (frozenset({JobState.RUNNING}), JobState.INTERRUPTED),
    "resume": (frozenset({JobState.INTERRUPTED}), JobState.RUNNING),
    "revoke_start": (frozenset({JobState.ALLOWED_TO_START}), JobState.NOT_ALLOWED_TO_START),
    "abort": (_WAITING | _BEGUN, JobState.ABORTED),
}
_REMOVALS = {"cancel": _WAITING, "clear": _OVER}
COMMANDS = (*_MOVES, *_REMOVALS)


@dataclass(frozen=True)
class Job:
    """One order: `order` is the structure as it was sent, to be given back unread."""

    id: str
    context: ContextChange
    order: Any = None
    state: JobState = JobState.NOT_ALLOWED_TO_START


@dataclass(frozen=True)
class KeptJob:
    """A job as it is kept beyond this process: `encoded` is its order."""

    id: str
    state: JobState
    encoded: bytes


@dataclass(frozen=True)
class KeptList:
    """A line's list as it is kept; `since`: when its running order's context began (Unix seconds), 0: none runs."""

    jobs: tuple[KeptJob, ...] = ()
    since: float = 0.0


@dataclass(frozen=True)
class Jobs:
    """The list, at most `limit` long. Each method returns the next list and its answer; a refusal changes nothing."""

    limit: int
    known: dict[str, Job] = field(default_factory=dict)

    @property
    def running(self) -> Job | None:
        """The order that the line works on."""
        return next((job for job in self.known.values() if job.state is JobState.RUNNING), None)

    def store(self, job: Job) -> tuple["Jobs", ReturnStatus]:
        """Take an order without starting it. When the list is full, the oldest one that is over makes room."""
        if not job.id:
            return self, INVALID_REQUEST
        known = dict(self.known)
        over = next((id_ for id_, one in known.items() if one.state in _OVER), None)
        if len(known) >= self.limit and over is not None:
            del known[over]
        if job.id in known or len(known) >= self.limit:
            return self, UNABLE_TO_ACCEPT
        return replace(self, known=known | {job.id: job}), NO_ERROR

    def update(self, job: Job) -> tuple["Jobs", ReturnStatus]:
        """Replace an order that is not over; its state stays."""
        old = self.known.get(job.id)
        if old is None:
            return self, UNKNOWN_ID
        if old.state in _OVER:
            return self, INVALID_STATUS
        return replace(self, known=self.known | {job.id: replace(job, state=old.state)}), NO_ERROR

    def command(self, command: str, id_: str) -> tuple["Jobs", ReturnStatus]:
        """Carry out one of COMMANDS. An order that starts ends the one that runs."""
        job = self.known.get(id_)
        if job is None:
            return self, UNKNOWN_ID
        if command in _REMOVALS:
            rest = {key: one for key, one in self.known.items() if key != id_}
            return (replace(self, known=rest), NO_ERROR) if job.state in _REMOVALS[command] else (self, INVALID_STATUS)
        allowed, after = _MOVES[command]
        if job.state not in allowed:
            return self, INVALID_STATUS
        known = dict(self.known)
        if after is JobState.RUNNING and self.running:
            known[self.running.id] = replace(self.running, state=JobState.ENDED)
        return replace(self, known=known | {id_: replace(job, state=after)}), NO_ERROR
