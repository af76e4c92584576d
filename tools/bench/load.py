"""Closed loops: so many at once, each asks again when it was answered. Through Triton, and on the bare runtime."""

import asyncio
import itertools
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tritonclient.grpc import InferInput, InferRequestedOutput

from services.preprocessing.adapters.shared_memory import Slots
from tools.bench.triton import Triton

Images = NDArray[np.uint8]
_DEADLINE_S = 30.0


@dataclass
class Measured:
    """Pictures answered in a time, and how long each request took."""

    pictures: int = 0
    seconds: float = 0.0
    latencies_ms: list[float] = field(default_factory=list)

    @property
    def per_second(self) -> float:
        """Pictures a second."""
        return self.pictures / self.seconds if self.seconds else 0.0

    def add(self, other: "Measured") -> None:
        """Take another round into account."""
        self.pictures += other.pictures
        self.seconds += other.seconds
        self.latencies_ms += other.latencies_ms


def bare(sessions: Sequence[Any], images: Images, seconds: float) -> Measured:
    """Every session in a thread of its own asks for `images` uint8 [B, 2, H, W] again and again."""
    stop, measured = time.perf_counter() + seconds, [Measured() for _ in sessions]

    def loop(session: Any, into: Measured) -> None:
        while (began := time.perf_counter()) < stop:
            session.run(["detections"], {"images": images})
            into.latencies_ms.append(1e3 * (time.perf_counter() - began))
            into.pictures += len(images)

    threads = [threading.Thread(target=loop, args=pair) for pair in zip(sessions, measured, strict=True)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Measured(
        sum(of.pictures for of in measured),
        time.perf_counter() - began,
        list(itertools.chain.from_iterable(of.latencies_ms for of in measured)),
    )


async def through_triton(
    triton: Triton, model: str, images: Images, concurrency: int, seconds: float, lead_s: float = 0.3
) -> Measured:
    """`concurrency` requests of `images` uint8 [B, 2, H, W] at once, in system shared memory as the mesh sends them.

    The first `lead_s` count for nothing; however short `seconds`, one answer is waited for. Raises
    InferenceServerException.
    """
    slots = Slots(concurrency, images.nbytes)
    client, measured = triton.client, Measured()
    await client.register_system_shared_memory(slots.name, f"/{slots.name}", slots.byte_size, headers=triton.admin)
    starts = time.perf_counter() + lead_s
    ends = starts + seconds

    async def loop() -> None:
        async with slots.take() as (offset, slot):
            slot[:] = images.reshape(-1)
            given = InferInput("images", list(images.shape), "UINT8")
            given.set_shared_memory(slots.name, images.nbytes, offset)
            wanted = [InferRequestedOutput("detections")]
            while (began := time.perf_counter()) < ends or not measured.pictures:
                await client.infer(model, [given], outputs=wanted, client_timeout=_DEADLINE_S)
                if began >= starts:
                    measured.latencies_ms.append(1e3 * (time.perf_counter() - began))
                    measured.pictures += len(images)

    try:
        await asyncio.gather(*(loop() for _ in range(concurrency)))
        measured.seconds = time.perf_counter() - starts
    finally:
        slots.close()
        await triton.forget(slots.name)
    return measured
