"""What the broker lets each service do: say its own facts, hear what it listens to, hold its own leases."""

from services.contracts.store import WATCHED, WATCHER
from services.contracts.subjects import BUCKETS, LEASE_HOLDERS, LEASES, SUBJECTS, inbox_of


def permissions(service: str) -> tuple[list[str], list[str]]:
    """What a service may (publish, subscribe): its own facts, and pulling from the streams that it listens to."""
    publish = [s.everywhere for s in SUBJECTS if s.publisher == service] + [f"jidoka.v1.dead.{service}.>"]
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
            f"$KV.{LEASES}.{service}.>",
        ]
    if service == WATCHER:
        publish += ["$JS.API.INFO", *(f"$JS.API.STREAM.INFO.{stream}" for stream in WATCHED)]
    return sorted(set(publish)), [f"{inbox_of(service)}.>"]
