"""One run over all variants of the model: size, speed as ratios, accuracy; and what Triton leaves of the speed."""

import functools
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tools.bench import triton
from tools.bench.accuracy import Bench, accuracy
from tools.bench.load import Measured, bare, through_triton
from tools.bench.plot import Point
from tools.bench.variants import REFERENCE, SERVED, Variant, board, latencies, session, variants
from tools.train import manifest

Report = Callable[[str], None]
_SHARE_OF_A_ROUND_S = 0.7


@dataclass(frozen=True)
class Plan:
    """What is measured, and for how long."""

    model: Path
    threads: Sequence[int]
    batches: Sequence[int]
    rounds: int
    runs: int
    concurrency: Sequence[int]
    checkpoint: Path | None = None
    """What the model was exported from, to measure torch as well."""

    @property
    def version(self) -> Path:
        """Where the files are."""
        return self.model / "1"

    def steps(self, *, accuracy: bool, triton: bool) -> int:
        """How many reports that makes."""
        turns = self.rounds * (len(self.threads) * len(self.batches) + triton * len(self.concurrency))
        return turns + accuracy * len(self.variants)

    @property
    def variants(self) -> list[Variant]:
        """What can be measured here."""
        return variants(self.checkpoint)


def speeds(plan: Plan, report: Report) -> list[dict[str, Any]]:
    """A row for each variant, threads and batch: ms a picture, and how many times as fast as the reference."""
    rows: list[dict[str, Any]] = []
    for threads, batch in itertools.product(plan.threads, plan.batches):
        turn = functools.partial(report, f"speed: {threads} threads, batch {batch}")
        sessions = {of: session(plan.version, of, threads, batch) for of in plan.variants}
        taken = latencies(sessions, np.repeat(board(), batch, 0), plan.rounds, plan.runs, turn)
        reference_ms = float(np.median(taken[REFERENCE])) / batch
        rows += [_row(of, threads, batch, np.asarray(ms) / batch, reference_ms) for of, ms in taken.items()]
    return rows


def _row(of: Variant, threads: int, batch: int, ms: Any, reference_ms: float) -> dict[str, Any]:
    p50, p95 = (float(value) for value in np.percentile(ms, (50, 95)))
    figures = {"p50_ms": round(p50, 3), "p95_ms": round(p95, 3), "min_ms": round(float(ms.min()), 3)}
    return {"variant": of.name, "threads": threads, "batch": batch} | figures | {"times": round(reference_ms / p50, 2)}


def lines(rows: Sequence[dict[str, Any]]) -> dict[str, list[Point]]:
    """For the drawing, a line for each variant and threads: a point for each batch with the p95 of its call."""
    found: dict[str, list[Point]] = {}
    for row in rows:
        point = 1e3 / row["p50_ms"], row["p95_ms"] * row["batch"], str(row["batch"])
        found.setdefault(f"{row['variant']}, threads: {row['threads']}", []).append(point)
    return found


def sizes(plan: Plan) -> dict[str, int]:
    """Bytes of each variant's file; a checkpoint holds more than the network and does not count."""
    return {of.name: (plan.version / of.file).stat().st_size for of in variants()}


def accuracies(plan: Plan, bench: Bench, report: Report) -> dict[str, dict[str, float]]:
    """What each variant sees on these boards, at the frozen threshold. Raises OSError without a manifest."""
    threshold, found = manifest.threshold(plan.model), {}
    for of in plan.variants:
        report(f"accuracy: {of.name} on {len(bench.parts)} pairs and {len(bench.good)} good boards")
        found[of.name] = accuracy(session(plan.version, of, max(plan.threads)), bench, threshold)
    return found


async def served(plan: Plan, report: Report) -> dict[str, Any]:
    """Pictures a second through Triton as config.pbtxt has it, next to the bare runtime, taking turns.

    The bare runtime gets as many threads as all of the model's instances together, and one picture at a time. Raises
    MeshError when Triton does not start, InferenceServerException when it does not load the model.
    """
    images, config = board(), triton.configuration(plan.model)
    threads = _threads(config)
    direct = session(plan.version, SERVED if SERVED in variants() else REFERENCE, threads)
    rows = []
    async with triton.running(plan.model.parent) as server:
        await server.load(plan.model.name, config)
        for concurrency in plan.concurrency:
            through, alone = Measured(), Measured()
            for _ in range(plan.rounds):
                report(f"Triton: {concurrency} at once")
                alone.add(bare([direct], images, _SHARE_OF_A_ROUND_S))
                through.add(await through_triton(server, plan.model.name, images, concurrency, _SHARE_OF_A_ROUND_S))
            rows.append(
                {"concurrency": concurrency} | figures(through) | {"direct_per_second": round(alone.per_second, 1)}
            )
    for row in rows:
        row["share"] = round(row["per_second"] / row["direct_per_second"], 3)
    return {"threads": threads, "instances": config.instance_group[0].count, "rows": rows}


def figures(measured: Measured) -> dict[str, float]:
    """Pictures a second, and the latency of a request."""
    p50, p99 = np.percentile(measured.latencies_ms, (50, 99))
    return {"per_second": round(measured.per_second, 1), "p50_ms": round(float(p50), 2), "p99_ms": round(float(p99), 2)}


def _threads(config: Any) -> int:
    threads = config.parameters["intra_op_thread_count"].string_value
    if not (config.instance_group and threads):
        raise ValueError("config.pbtxt leaves its threads open: say instance_group and intra_op_thread_count")
    return int(config.instance_group[0].count) * int(threads)
