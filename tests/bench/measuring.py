"""Timing several ways of doing one thing against each other, so that drift cancels."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from statistics import median, quantiles
from time import perf_counter

Call = Callable[[], object]


@dataclass(slots=True)
class Timing:
    """How long the calls took, in seconds, and how long each block of calls took on the clock."""

    calls: list[float] = field(default_factory=list)
    blocks: list[float] = field(default_factory=list)

    @property
    def p50(self) -> float:
        """The median of a call, in milliseconds."""
        return median(self.calls) * 1000

    @property
    def p95(self) -> float:
        """So long took 19 of 20 calls at most, in milliseconds."""
        if len(self.calls) < 2:
            return self.p50
        return quantiles(self.calls, n=20, method="inclusive")[-1] * 1000

    def per_second(self, block: int) -> float:
        """Calls per second in the median block."""
        return block / median(self.blocks)

    def times_as_long_as(self, other: Timing) -> float:
        """How many times as long it took: the median of blocks measured side by side."""
        return median(a / b for a, b in zip(self.blocks, other.blocks, strict=True))


def race(
    ways: Mapping[str, Call], *, rounds: int, block: int, threads: int = 1
) -> dict[str, Timing]:
    """Time each way in short blocks that take turns, in another order in every round.

    What slows the machine for a while thus slows all of them. With several threads the
    calls of a block are shared out among them. The first round only warms up.
    """
    timings = {name: Timing() for name in ways}
    order = list(ways)
    with ThreadPoolExecutor(threads) as pool:
        for number in range(rounds + 1):
            random.shuffle(order)
            for name in order:
                calls, spent = _block(ways[name], block, threads, pool)
                if number:
                    timings[name].calls += calls
                    timings[name].blocks.append(spent)
    return timings


def _block(
    way: Call, calls: int, threads: int, pool: ThreadPoolExecutor
) -> tuple[list[float], float]:
    begun = perf_counter()
    if threads == 1:
        taken = [_timed(way) for _ in range(calls)]
    else:
        taken = list(pool.map(lambda _: _timed(way), range(calls)))
    return taken, perf_counter() - begun


def _timed(way: Call) -> float:
    begun = perf_counter()
    way()
    return perf_counter() - begun
