"""What was measured, as lines of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from math import inf
from typing import Any

from tests.bench.measuring import Timing


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured: so many rounds of blocks of so many calls."""

    rounds: int = 20
    block: int = 12
    page_rounds: int = 20
    page_block: int = 4


@dataclass(frozen=True, slots=True)
class Line:
    """One measurement. Times are in milliseconds; `ratio` is against the floor.

    `goal` says in words what the ratio, or else the figure itself, ought to be. `clock` is what
    an empty page or query took meanwhile, by which stores measured at other times compare.
    """

    what: str
    p50: float | None = None
    p95: float | None = None
    number: int | None = None
    floor: str = ""
    floor_p50: float | None = None
    ratio: float | None = None
    goal: str = ""
    met: bool | None = None
    per_second: float | None = None
    clock: float | None = None

    @property
    def key(self) -> tuple[str, str]:
        """What was measured against what."""
        return self.what, self.floor

    @property
    def on_clock(self) -> float:
        """The median in times of the clock's."""
        return self.p50 / self.clock if self.p50 and self.clock else 0.0

    def as_json(self) -> dict[str, Any]:
        """The same as plain values."""
        return asdict(self)


def rate_line(
    what: str, ours: Timing, floor_name: str, floor: Timing, block: int, *, goal: float | None
) -> Line:
    """How fast ours is, as a share of how fast the floor is: more is better."""
    ratio = floor.times_as_long_as(ours)
    return Line(
        what=what,
        p50=ours.p50,
        p95=ours.p95,
        floor=floor_name,
        floor_p50=floor.p50,
        ratio=ratio,
        goal=f"≥ {goal:g}×" if goal else "",
        met=ratio >= goal if goal else None,
        per_second=ours.per_second(block),
    )


def time_line(
    what: str,
    ours: Timing,
    floor_name: str,
    floor: Timing,
    *,
    goal: float | None = None,
    clock: Timing | None = None,
) -> Line:
    """How long ours takes, in times of the floor: less is better."""
    ratio = ours.times_as_long_as(floor)
    return Line(
        what=what,
        p50=ours.p50,
        p95=ours.p95,
        floor=floor_name,
        floor_p50=floor.p50,
        ratio=ratio,
        goal=f"≤ {goal:g}×" if goal else "",
        met=ratio <= goal if goal else None,
        clock=clock.p50 if clock else None,
    )


def limited(line: Line, *, p50: float = inf, p95: float = inf) -> Line:
    """The line with a limit in milliseconds for its goal."""
    goal = f"p50 ≤ {p50:g} ms" if p50 < inf else f"p95 ≤ {p95:g} ms"
    met = (line.p50 or 0) <= p50 and (line.p95 or 0) <= p95
    return replace(line, goal=goal, met=met)


def count_line(what: str, number: int, most: int) -> Line:
    """A number of queries against the most that there may be."""
    return Line(what=what, number=number, goal=f"≤ {most}", met=number <= most)


HEAD = ("", "p50 ms", "p95 ms", "per s", "floor", "p50 ms", "ratio", "goal", "")


def table(lines: Sequence[Line]) -> str:
    """The lines under a head, columns aligned."""
    return columns([HEAD, *(_cells(line) for line in lines)])


def growth(stores: Mapping[int, Sequence[Line]], most: float = 1.3) -> str:
    """How lines that ought to stay the same grow from the smallest store to the largest.

    Measured in times of their clocks, so that a machine that has slowed down since is no growth.
    """
    sizes = sorted(stores)
    rows: list[Sequence[str]] = [("", *(f"{size:,}" for size in sizes), "growth", "goal", "")]
    for line in stores[sizes[0]]:
        found = [same for size in sizes for same in stores[size] if same.key == line.key]
        if line.clock is None or len(found) != len(sizes):
            continue
        ratio = found[-1].on_clock / found[0].on_clock
        times = [f"{_number(same.p50)} ms" for same in found]
        rows.append((line.what, *times, f"{ratio:.2f}×", f"≤ {most:g}×", _mark(ratio <= most)))
    return columns(rows)


def columns(rows: Sequence[Sequence[str]]) -> str:
    """Rows of cells as aligned text; the first column to the left, the others to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def _cells(line: Line) -> Sequence[str]:
    return (
        line.what,
        _number(line.p50),
        _number(line.p95),
        f"{line.per_second:,.0f}" if line.per_second else "",
        line.floor,
        _number(line.floor_p50),
        str(line.number) if line.number is not None else _number(line.ratio, "×"),
        line.goal,
        _mark(line.met),
    )


def _number(value: float | None, unit: str = "") -> str:
    return "" if value is None else f"{value:,.2f}{unit}"


def _mark(met: bool | None) -> str:
    return "" if met is None else "ok" if met else "MISS"
