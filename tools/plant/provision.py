"""Create the broker's streams and buckets; harmless when they are there. Needs rights that no service has."""

import argparse
import asyncio
from pathlib import Path

from nats.js.api import DiscardPolicy, StorageType, StreamConfig
from nats.js.errors import NotFoundError

from services.chassis.bus import Bus
from services.contracts.evidence import Evidence
from services.contracts.store import GOLDENS_BYTES
from services.contracts.subjects import (
    EVIDENCE,
    GOLDENS,
    LEASE_TTL_S,
    LEASES,
    STREAMS,
    Stream,
    subjects_of,
)
from tools.plant.broker import ADMIN


async def provision(bus: Bus, evidence: Evidence | None = None) -> None:
    """Bring streams and buckets up to the subject table. Raises NatsError or TimeoutError."""
    for stream in STREAMS:
        await _ensure(bus, _facts(stream))
    kept = evidence or Evidence()
    await _ensure(bus, _bucket(GOLDENS, 0, GOLDENS_BYTES, DiscardPolicy.NEW))
    # nats-py's own object stores refuse the newest when they are full: pictures of evidence give up their oldest.
    await _ensure(bus, _bucket(EVIDENCE, kept.keep_s, kept.most_bytes, DiscardPolicy.OLD))
    # On disk: what was written under a token of before a restart must stay older than what comes after it.
    await bus.jetstream.create_key_value(bucket=LEASES, ttl=LEASE_TTL_S, storage=StorageType.FILE)


def _facts(stream: Stream) -> StreamConfig:
    return StreamConfig(
        name=stream.name,
        subjects=subjects_of(stream),
        max_age=stream.max_age_s,
        max_bytes=stream.max_bytes,
        discard=DiscardPolicy.OLD,
        duplicate_window=stream.duplicate_window_s,
        storage=StorageType.FILE,
        allow_direct=True,
    )


def _bucket(name: str, max_age_s: int, max_bytes: int, discard: DiscardPolicy) -> StreamConfig:
    """The stream of an object store, as nats-py lays it out."""
    return StreamConfig(
        name=f"OBJ_{name}",
        subjects=[f"$O.{name}.C.>", f"$O.{name}.M.>"],
        max_age=max_age_s,
        max_bytes=max_bytes,
        discard=discard,
        storage=StorageType.FILE,
        allow_rollup_hdrs=True,
        allow_direct=True,
    )


async def _ensure(bus: Bus, config: StreamConfig) -> None:
    """An existing one is changed: to add it again the broker would want its max_bytes a second time."""
    try:
        await bus.jetstream.stream_info(str(config.name))
    except NotFoundError:
        await bus.jetstream.add_stream(config)
    else:
        await bus.jetstream.update_stream(config)


async def _once(url: str, password: str, evidence: Evidence) -> None:
    bus = Bus(url, ADMIN, password)
    await bus.start()
    await provision(bus, evidence)
    await bus.stop()


def main() -> None:
    """Once, then exit."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--nats", required=True)
    options.add_argument("--password-file", type=Path, required=True)
    options.add_argument("--evidence-days", type=int, default=Evidence().keep_days)
    options.add_argument("--evidence-mib", type=int, default=Evidence().most_mib)
    given = options.parse_args()
    evidence = Evidence(keep_days=given.evidence_days, most_mib=given.evidence_mib)
    asyncio.run(_once(given.nats, given.password_file.read_text(encoding="utf-8").strip(), evidence))


if __name__ == "__main__":
    main()
