"""What the broker lets each service do: say its own facts, hear what it listens to, hold its own leases."""

from services.contracts.store import WATCHED, WATCHER
from services.contracts.subjects import (
    AUDIT_RECORDED,
    BUCKETS,
    DEAD,
    LEASE_HOLDERS,
    LEASES,
    SUBJECTS,
    TIMEKEEPER,
    WORK_REPORTED,
    WORK_REQUESTED,
    WORK_REQUEUED,
    WORK_UPDATED,
    inbox_of,
)

# Of all parked messages only these may be said again: whoever hears one knows it by its key, and does nothing twice.
SAID_AGAIN = (WORK_REQUESTED, WORK_UPDATED, WORK_REPORTED, WORK_REQUEUED)


def permissions(service: str) -> tuple[list[str], list[str]]:
    """What a service may (publish, subscribe): its own facts, and pulling from the streams that it listens to."""
    publish = [s.everywhere for s in SUBJECTS if s.publisher == service] + [f"jidoka.v1.dead.{service}.>"]
    publish.append(f"$JS.API.STREAM.INFO.{TIMEKEEPER.name}")  # for the broker's clock (chassis/broker_clock.py)
    publish.append("$JS.API.INFO")  # does JetStream answer? Readiness asks (R4)
    for stream in {s.stream.name for s in SUBJECTS if service in s.listeners}:
        publish += [
            f"$JS.API.STREAM.INFO.{stream}",
            f"$JS.API.STREAM.MSG.GET.{stream}",
            f"$JS.API.CONSUMER.*.{stream}.>",
            f"$JS.API.CONSUMER.MSG.NEXT.{stream}.>",
            f"$JS.ACK.{stream}.>",
        ]
    for bucket, writers, readers in BUCKETS:
        if service in readers:
            publish += [
                f"$JS.API.STREAM.INFO.OBJ_{bucket}",
                f"$JS.API.STREAM.MSG.GET.OBJ_{bucket}",
                f"$JS.API.DIRECT.GET.OBJ_{bucket}.>",
                f"$JS.API.CONSUMER.*.OBJ_{bucket}",
                f"$JS.API.CONSUMER.*.OBJ_{bucket}.>",
                "$JS.API.STREAM.NAMES",  # nats-py looks the bucket's stream up by its subject
                f"$JS.FC.OBJ_{bucket}.>",
            ]
        if service in writers:
            publish += [f"$O.{bucket}.>", f"$JS.API.STREAM.PURGE.OBJ_{bucket}"]
    if service in LEASE_HOLDERS:
        publish += [
            f"$JS.API.STREAM.INFO.KV_{LEASES}",
            f"$JS.API.STREAM.MSG.GET.KV_{LEASES}",
            f"$JS.API.DIRECT.GET.KV_{LEASES}.>",  # so nats-py asks where the bucket allows it
            f"$KV.{LEASES}.{service}.>",
        ]
    if service == WATCHER:
        publish += [f"$JS.API.STREAM.INFO.{stream}" for stream in WATCHED]
    return sorted(set(publish)), [f"{inbox_of(service)}.>"]


def dead_letter_rights(account: str) -> tuple[list[str], list[str]]:
    """What a person's account may (publish, subscribe) for `jidoka deadletters`: look, say again, drop, and the record.

    No service has these: whoever may delete from a stream could also hide what happened.
    """
    publish = [subject.everywhere for subject in (*SAID_AGAIN, AUDIT_RECORDED)]
    publish += [f"$JS.API.STREAM.MSG.GET.{DEAD.name}", f"$JS.API.STREAM.MSG.DELETE.{DEAD.name}"]
    return sorted(publish), [f"{inbox_of(account)}.>"]
