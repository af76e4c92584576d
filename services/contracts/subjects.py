"""The one table of who says what to whom.

`jidoka.v1.<noun>.<past-verb>.<site>.<line>.<station>`: the first four tokens name exactly one protobuf message.
The broker's streams are derived from this table, and so is what each service may say and hear (rights.py).
"""

from dataclasses import dataclass
from typing import Protocol

from google.protobuf.message import Message
from jidoka.audit.v1 import audit_pb2
from jidoka.context.v1 import context_pb2
from jidoka.line.v1 import line_pb2
from jidoka.measurement.v1 import measurement_pb2
from jidoka.rules.v1 import rules_pb2
from jidoka.verdict.v1 import verdict_pb2
from jidoka.workrequest.v1 import workrequest_pb2


class At(Protocol):
    """Anything that says where: a StationPath of the wire or a service's own value."""

    @property
    def site(self) -> str: ...
    @property
    def line(self) -> str: ...
    @property
    def station(self) -> str: ...


@dataclass(frozen=True)
class Stream:
    """A JetStream stream: how long and how much is kept (full: store.py), and how long a repeated Msg-Id is known."""

    name: str
    max_age_s: int
    duplicate_window_s: int
    max_bytes: int


DAY_S = 86_400
MIB = 1 << 20
# What the rules fold stands in ONE stream, because only one stream has one order (services/README.md, decision 2).
STATION = Stream("STATION", max_age_s=14 * DAY_S, duplicate_window_s=3_600, max_bytes=6_144 * MIB)
# Actions are re-emitted with the same id when rule state is rebuilt: the window outlives any rebuild of a shift.
LINE = Stream("LINE", max_age_s=90 * DAY_S, duplicate_window_s=DAY_S, max_bytes=512 * MIB)
WORKREQUEST = Stream("WORKREQUEST", max_age_s=90 * DAY_S, duplicate_window_s=DAY_S, max_bytes=512 * MIB)
# Who did what at the OPC UA server is asked a year later, too.
AUDIT = Stream("AUDIT", max_age_s=366 * DAY_S, duplicate_window_s=3_600, max_bytes=1_024 * MIB)
DEAD = Stream("DEAD", max_age_s=30 * DAY_S, duplicate_window_s=120, max_bytes=256 * MIB)
# Every service asks for the time at the same stream (chassis/broker_clock.py): in a cluster each server has a clock.
TIMEKEEPER = STATION


@dataclass(frozen=True)
class Subject:
    """One fact: its message, its only publisher, those who listen, and the stream that keeps it."""

    noun: str
    verb: str
    message: type[Message]
    publisher: str
    listeners: tuple[str, ...]
    stream: Stream

    def at(self, where: At) -> str:
        """The subject for one station."""
        return f"jidoka.v1.{self.noun}.{self.verb}.{where.site}.{where.line}.{where.station}"

    def about(self, where: At, thing: str) -> str:
        """The subject of one thing at a station, by which the broker finds it, and may be told to take no second one.

        A dot would cut the id into tokens; '/' cannot stand in an id, so the name stays unique.
        """
        return f"{self.at(where)}.{thing.replace('.', '/')}"

    def along(self, site: str, line: str = "") -> str:
        """The filter that matches it at one line, or at a whole site."""
        return f"jidoka.v1.{self.noun}.{self.verb}.{site}{'.' if line else ''}{line}.>"

    @property
    def everywhere(self) -> str:
        """The filter that matches it at every station."""
        return f"jidoka.v1.{self.noun}.{self.verb}.>"


_table: list[Subject] = []


def _told(what: str, message: type[Message], publisher: str, listeners: str, stream: Stream) -> Subject:
    noun, verb = what.split()
    _table.append(Subject(noun, verb, message, publisher, tuple(listeners.split()), stream))
    return _table[-1]


VERDICT_REACHED = _told(
    "verdict reached", verdict_pb2.Verdict, "postprocessing", "postprocessing opcua-bridge gateway mqtt-mirror", STATION
)
MEASUREMENT_RECORDED = _told(
    "measurement recorded", measurement_pb2.Measurement, "measurement", "postprocessing", STATION
)
PAUSE_SETTLED = _told(
    "line pause-settled",
    line_pb2.PauseSettled,
    "opcua-bridge",
    "postprocessing gateway opcua-bridge mqtt-mirror",
    STATION,
)
LINE_RESUMED = _told(
    "line resumed", line_pb2.LineResumed, "opcua-bridge", "postprocessing gateway opcua-bridge mqtt-mirror", STATION
)
STATION_SILENT = _told(
    "station fell-silent",
    line_pb2.StationFellSilent,
    "postprocessing",
    "postprocessing opcua-bridge gateway mqtt-mirror",
    STATION,
)
RULES_PROPOSED = _told("rules proposed", rules_pb2.RulesProposed, "gateway", "gateway", STATION)
RULES_APPROVED = _told("rules approved", rules_pb2.RulesApproved, "gateway", "postprocessing gateway", STATION)
RULES_ACTIVATED = _told(
    "rules activated", rules_pb2.RulesActivated, "postprocessing", "postprocessing gateway", STATION
)
WORK_COMPLETED = _told(
    "workrequest completed", workrequest_pb2.WorkRequestCompleted, "mes-connector", "postprocessing gateway", STATION
)
INCIDENT_CLOSED = _told(
    "incident closed", line_pb2.IncidentClosed, "gateway", "postprocessing gateway opcua-bridge", STATION
)
# What a line works on: one message, told by SCADA and the MES over OPC UA, or by the MES over REST; one publisher each.
CONTEXT_CHANGED = _told("context changed", context_pb2.ContextChanged, "opcua-bridge", "preprocessing gateway", STATION)
CONTEXT_DECLARED = _told("context declared", context_pb2.ContextChanged, "gateway", "preprocessing gateway", STATION)
PAUSE_REQUESTED = _told(
    "line pause-requested", line_pb2.PauseRequested, "postprocessing", "opcua-bridge gateway mqtt-mirror", LINE
)
WARNED = _told("line warned", line_pb2.Warned, "postprocessing", "gateway mqtt-mirror", LINE)
CONTAINMENT_DECLARED = _told("containment declared", line_pb2.ContainmentDeclared, "postprocessing", "gateway", LINE)
LINE_STATE_CHANGED = _told("line state-changed", line_pb2.LineStateChanged, "opcua-bridge", "gateway mqtt-mirror", LINE)
PAUSE_PROGRESSED = _told(
    "line pause-progressed", line_pb2.PauseProgressed, "opcua-bridge", "opcua-bridge gateway", LINE
)
PLC_CLAIMED = _told("line plc-claimed", line_pb2.PlcClaimed, "opcua-bridge", "opcua-bridge", LINE)
ALARM_CHANGED = _told(
    "line alarm-changed", line_pb2.AlarmChanged, "opcua-bridge", "opcua-bridge gateway mqtt-mirror", LINE
)
JOB_ORDERS_LISTED = _told("line job-orders-listed", line_pb2.JobOrdersListed, "opcua-bridge", "opcua-bridge", LINE)
AUDIT_RECORDED = _told("audit recorded", audit_pb2.Recorded, "opcua-bridge", "gateway", AUDIT)
WORK_REQUESTED = _told(
    "workrequest requested", workrequest_pb2.WorkRequested, "postprocessing", "mes-connector gateway", WORKREQUEST
)
WORK_UPDATED = _told(
    "workrequest updated", workrequest_pb2.WorkRequestUpdated, "postprocessing", "mes-connector gateway", WORKREQUEST
)
WORK_OPENED = _told("workrequest opened", workrequest_pb2.WorkRequestOpened, "mes-connector", "gateway", WORKREQUEST)
WORK_CANCELLED = _told(
    "workrequest cancelled", workrequest_pb2.WorkRequestCancelled, "mes-connector", "gateway", WORKREQUEST
)
WORK_REPORTED = _told(
    "workrequest reported", workrequest_pb2.WorkRequestReported, "gateway", "mes-connector", WORKREQUEST
)
WORK_REQUEUED = _told(
    "workrequest requeued", workrequest_pb2.WorkRequestRequeued, "gateway", "mes-connector", WORKREQUEST
)
WORK_DEAD_LETTERED = _told(
    "workrequest dead-lettered", workrequest_pb2.WorkRequestDeadLettered, "mes-connector", "gateway", WORKREQUEST
)

SUBJECTS = tuple(_table)
STREAMS = (STATION, LINE, WORKREQUEST, AUDIT, DEAD)
SERVICES = (
    "preprocessing",
    "inference",
    "measurement",
    "postprocessing",
    "opcua-bridge",
    "mes-connector",
    "gateway",
    "mqtt-mirror",
)

# Object-store buckets: (name, who writes, who reads).
GOLDENS = "goldens"
EVIDENCE = "evidence"
BUCKETS = (
    (GOLDENS, ("gateway",), ("preprocessing", "gateway")),
    (EVIDENCE, ("preprocessing",), ("preprocessing", "gateway")),  # nats-py looks before it writes
)

# Key-value bucket of the duties that only one process has (chassis/lease.py): a key whose holder is silent expires.
LEASES = "leases"
LEASE_TTL_S = 3.0
LEASE_HOLDERS = ("postprocessing", "opcua-bridge", "mes-connector")


def dead_letter(service: str, noun: str) -> str:
    """Where a message that `service` can never handle is parked, with the reason in a header."""
    return f"jidoka.v1.dead.{service}.{noun}"


def subjects_of(stream: Stream) -> list[str]:
    """The subject filters that a stream keeps."""
    return ["jidoka.v1.dead.>"] if stream is DEAD else [s.everywhere for s in SUBJECTS if s.stream is stream]


def inbox_of(service: str) -> str:
    """Where the broker answers a service; a service may listen to its own inbox and to nothing else."""
    return f"_INBOX.{service}"
