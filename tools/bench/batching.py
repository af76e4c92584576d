"""The sweep of Triton's scheduling: instances and threads, dynamic batching, and how many ask at once."""

import copy
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tritonclient.grpc import model_config_pb2

from tools.bench import triton
from tools.bench.load import through_triton
from tools.bench.model import figures
from tools.bench.plot import Point
from tools.bench.variants import board

Report = Callable[[str], None]
Row = dict[str, Any]


@dataclass(frozen=True)
class Setting:
    """One way to schedule the model."""

    instances: int
    threads: int
    batching: bool = False
    """Whether requests that wait are answered together."""
    delay_us: int = 0
    """How long a request may wait for others."""
    preferred: int = 0
    """The batch that is worth such a wait; 0: any."""

    def __str__(self) -> str:
        batching = ", batching" * self.batching
        wait = f", waits {self.delay_us} µs" if self.delay_us else ""
        return f"{self.instances} x {self.threads} threads{batching}{wait}" + f" for {self.preferred}" * bool(
            self.preferred
        )

    def applied(self, base: model_config_pb2.ModelConfig) -> model_config_pb2.ModelConfig:
        """`base` scheduled this way."""
        config = copy.deepcopy(base)
        if not config.instance_group:
            config.instance_group.add()
        config.instance_group[0].count = self.instances
        config.parameters["intra_op_thread_count"].string_value = str(self.threads)
        if not self.batching:
            config.ClearField("dynamic_batching")
            return config
        config.dynamic_batching.max_queue_delay_microseconds = self.delay_us
        del config.dynamic_batching.preferred_batch_size[:]
        config.dynamic_batching.preferred_batch_size.extend([self.preferred] if self.preferred else [])
        return config


def settings(arrangements: Sequence[str], delays_us: Sequence[int], preferred: Sequence[int]) -> Iterator[Setting]:
    """Each arrangement without batching, then every combination; a preferred batch counts only where one waits for it.

    `arrangements` are like "2x1": instances x threads of each. Raises ValueError for any other text.
    """
    for text in arrangements:
        instances, cross, threads = text.partition("x")
        if not (cross and instances.isdigit() and threads.isdigit() and int(instances) and int(threads)):
            raise ValueError(f"'{text}' is not instances x threads, such as 2x1")
        yield Setting(int(instances), int(threads))
        for delay_us, size in itertools.product(delays_us, preferred):
            if delay_us or not size:
                yield Setting(int(instances), int(threads), True, delay_us, size)


@dataclass(frozen=True)
class Plan:
    """What is swept."""

    model: Path
    settings: Sequence[Setting]
    concurrency: Sequence[int]
    seconds: float
    rounds: int

    @property
    def steps(self) -> int:
        """How many measurements that makes."""
        return len(self.settings) * len(self.concurrency) * self.rounds


async def sweep(plan: Plan, report: Report) -> list[Row]:
    """A row for each setting and concurrency. Raises MeshError or InferenceServerException when Triton will not."""
    images, base = board(), triton.configuration(plan.model)
    taken: dict[tuple[Setting, int], Any] = {}
    async with triton.running(plan.model.parent) as server:
        for turn, setting in itertools.product(range(plan.rounds), plan.settings):
            await server.load(plan.model.name, setting.applied(base))
            for concurrency in plan.concurrency:
                report(f"round {turn + 1}: {setting}, {concurrency} at once")
                measured = await through_triton(server, plan.model.name, images, concurrency, plan.seconds)
                if (setting, concurrency) in taken:
                    taken[setting, concurrency].add(measured)
                else:
                    taken[setting, concurrency] = measured
    return [
        {"setting": str(setting), **asdict(setting), "concurrency": concurrency} | figures(measured)
        for (setting, concurrency), measured in sorted(taken.items(), key=lambda item: plan.settings.index(item[0][0]))
    ]


def best(rows: Sequence[Row], p99_limit_ms: float) -> Row:
    """The row with most pictures a second of those whose slowest hundredth stays within the limit, if any does."""
    within = [row for row in rows if row["p99_ms"] <= p99_limit_ms]
    return max(within or rows, key=lambda row: float(row["per_second"]))


def chosen(rows: Sequence[Row], settings: Sequence[Setting], p99_limit_ms: float) -> tuple[Row, Setting]:
    """The best row and its setting."""
    row = best(rows, p99_limit_ms)
    return row, next(of for of in settings if str(of) == row["setting"])


def lines(rows: Sequence[Row]) -> dict[str, list[Point]]:
    """For the drawing, a line for each setting: a point for each concurrency with its p99."""
    found: dict[str, list[Point]] = {}
    for row in rows:
        found.setdefault(row["setting"], []).append((row["per_second"], row["p99_ms"], str(row["concurrency"])))
    return found
