"""Create the broker's streams and buckets; harmless when they are there. Needs rights that no service has."""

import argparse
import asyncio
from pathlib import Path

from nats.js.api import ObjectStoreConfig, StorageType, StreamConfig
from nats.js.errors import BadRequestError

from services.chassis.bus import Bus
from services.contracts.subjects import BUCKETS, LEASE_TTL_S, LEASES, STREAMS, Stream, subjects_of
from tools.plant.broker import ADMIN


async def provision(bus: Bus) -> None:
    """Bring streams and buckets up to the subject table. Raises NatsError or TimeoutError."""
    for stream in STREAMS:
        await _ensure(bus, stream)
    for bucket, _, _ in BUCKETS:
        await bus.jetstream.create_object_store(bucket, ObjectStoreConfig(storage=StorageType.FILE))
    # On disk: what was written under a token of before a restart must stay older than what comes after it.
    await bus.jetstream.create_key_value(bucket=LEASES, ttl=LEASE_TTL_S, storage=StorageType.FILE)


async def _ensure(bus: Bus, stream: Stream) -> None:
    config = StreamConfig(
        name=stream.name,
        subjects=subjects_of(stream),
        max_age=stream.max_age_s,
        duplicate_window=stream.duplicate_window_s,
        storage=StorageType.FILE,
        allow_direct=True,
    )
    try:
        await bus.jetstream.add_stream(config)
    except BadRequestError:  # it exists with another configuration
        await bus.jetstream.update_stream(config)


async def _once(url: str, password: str) -> None:
    bus = Bus(url, ADMIN, password)
    await bus.start()
    await provision(bus)
    await bus.stop()


def main() -> None:
    """Once, then exit."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--nats", required=True)
    options.add_argument("--password-file", type=Path, required=True)
    given = options.parse_args()
    asyncio.run(_once(given.nats, given.password_file.read_text(encoding="utf-8").strip()))


if __name__ == "__main__":
    main()
