"""The demo's year as a list of acts in the order of time. Nothing is done here.

The same seed, the same moment and the same number of customers give the same plan.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random

from factory.random import reseed_random

from rewards.demo.acts import Act, Buy, Join, Settle
from rewards.demo.cases import (
    ANA_NUMBER,
    CASES,
    CLAIM_NUMBER,
    Clock,
    person_of,
    unclaimed_order,
)
from rewards.demo.lives import life_of
from rewards.demo.people import Person, somebody

SEED = 2026
YEAR = timedelta(days=365)
YEARS_BEFORE = 900
GUESTS = 0.1


def plan(now: datetime, customers: int, seed: int = SEED) -> list[Act]:
    """Everything that happens until `now`, with `customers` in all, oldest first."""
    rng = Random(seed)
    reseed_random(seed)
    acts = list(_case_acts(Clock(now, rng)))
    begin = now - YEAR
    for person in _people(rng, begin, now, customers - len(CASES)):
        acts += life_of(rng, person, begin, now)
    buys = _numbered(rng, [act for act in acts if isinstance(act, Buy)])
    others = [act for act in acts if not isinstance(act, Buy)]
    mornings = _mornings(buys[0].at, now)
    return sorted([*others, *buys, *mornings], key=lambda act: act.at)


def _case_acts(clock: Clock) -> Iterator[Act]:
    for number, case in enumerate(CASES, start=1):
        person = person_of(case, clock, f"C-{number:05d}", number)
        yield Join(person.joined, person)
        yield from case.acts(clock, person)


def _people(rng: Random, begin: datetime, now: datetime, count: int) -> Iterator[Person]:
    """Some joined before the year, most within it."""
    for number in range(count):
        if rng.random() < 0.45:
            joined = begin - timedelta(days=rng.uniform(1, YEARS_BEFORE))
        else:
            joined = now - timedelta(days=rng.uniform(0.2, YEAR.days))
        external_id = f"C-{number + 101:05d}"
        yield somebody(
            external_id=external_id,
            joined=joined.replace(microsecond=0),
            member=rng.random() > GUESTS,
        )


def _numbered(rng: Random, buys: Sequence[Buy]) -> list[Buy]:
    """Orders with numbers that count up in time, so that those with a fixed one fit in."""
    ordered = sorted(buys, key=lambda buy: buy.at)
    ana = next(n for n, buy in enumerate(ordered) if buy.number == ANA_NUMBER)
    # Hundreds of orders of the cases alone come before Ana's: there is always room.
    claim = ana + 1 - (int(ANA_NUMBER) - int(CLAIM_NUMBER))
    ordered.insert(claim, unclaimed_order(rng, ordered[claim].at - timedelta(seconds=30)))
    first = int(ANA_NUMBER) - ana - 1
    return [
        buy if buy.customer is None else replace(buy, number=str(first + n))
        for n, buy in enumerate(ordered)
    ]


def _mornings(first: datetime, now: datetime) -> Iterator[Settle]:
    day = first.replace(hour=5, minute=0, second=0, microsecond=0) + timedelta(days=1)
    while day < now:
        yield Settle(day)
        day += timedelta(days=1)
