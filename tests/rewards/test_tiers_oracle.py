"""RW-11: one by one, many at once and by night, everybody ends where the rules say.

The rules are written here once more, in plain Python over lists, and asked about customers who
were made at random: what they earned, what was taken back, and where they stood.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from uuid import uuid4

import pytest
import time_machine
from django.db import transaction

from customers.models import Order
from rewards.actions.tiers import evaluate, evaluate_all, evaluate_many, evaluating
from rewards.models import Account, Entry, Operation, Program, Shortfall, Tier, TierMembership
from tests.factories import AccountFactory, OrderFactory, StoreFactory, TierMembershipFactory
from tests.rewards.ladders import a_ladder, tier
from tests.rewards.ledger import SYSTEM

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
WINDOW, GRACE, HOW_MANY = 90, 30, 60
Outcome = tuple[str, datetime | None, str]


@dataclass
class Life:
    """What somebody did: what counts, and on which day it counts."""

    account: Account
    counted: list[tuple[datetime, Decimal]]
    stood: TierMembership | None = None


@pytest.fixture(autouse=True)
def _a_fixed_moment() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


def _operation(life: Life, kind: str, at: datetime, **fields: object) -> Operation:
    return Operation.objects.create(
        customer_id=life.account.customer_id, kind=kind, idempotency_key=str(uuid4()),
        fingerprint="", occurred_at=at, actor_kind="system", actor_label="test", **fields,
    )  # fmt: skip


def _entry(life: Life, operation: Operation, kind: str, amount: int, bucket: str) -> None:
    Entry.objects.create(
        operation=operation, account=life.account, customer_id=life.account.customer_id,
        kind=kind, amount=amount, balance_after=0, bucket=bucket,
        occurred_at=operation.occurred_at,
    )  # fmt: skip


def _earns(dice: Random, life: Life) -> None:
    """An order that earned, perhaps refunded since, perhaps partly spent before that."""
    placed = NOW - dice.randrange(0, 2 * WINDOW) * DAY - dice.randrange(1, 1000) * DAY / 1000
    order = OrderFactory(customer=life.account.customer, store=STORE[0], placed_at=placed)
    units, bucket = dice.randrange(1, 400), dice.choice(["available", "pending"])
    earned = _operation(life, "earn", placed, order=order)
    _entry(life, earned, "earned", units, bucket)
    life.counted.append((placed, Decimal(units)))
    if dice.random() < 0.3:
        back, short = dice.randrange(1, units + 1), 0
        refund = _operation(life, "refund", placed + (NOW - placed) * 0.5, order=order)
        if dice.random() < 0.5:
            short = dice.randrange(1, back + 1)
            Shortfall.objects.create(
                operation=refund, account=life.account, customer_id=life.account.customer_id,
                amount=short, occurred_at=refund.occurred_at,
            )  # fmt: skip
        if back > short:
            _entry(life, refund, "reversed", short - back, bucket)
        life.counted.append((placed, Decimal(-back)))


def _is_adjusted(dice: Random, life: Life) -> None:
    """A credit or debit by hand, perhaps undone, perhaps not for the tier."""
    at, counts = NOW - dice.randrange(0, 2 * WINDOW) * DAY, dice.random() < 0.7
    units = dice.choice([1, 1, -1]) * dice.randrange(1, 400)
    operation = _operation(life, "adjust", at, counts_for_tier=counts)
    _entry(life, operation, "adjusted", units, "available")
    if units > 0 and counts:
        life.counted.append((at, Decimal(units)))
    if dice.random() < 0.3:
        undone = _operation(life, "reverse", at, counts_for_tier=counts, reverses=operation)
        _entry(life, undone, "reversed", -units, "available")
        if units > 0 and counts:
            life.counted.append((at, Decimal(-units)))


def _spends(dice: Random, life: Life) -> None:
    """Everything that counts for nothing."""
    debit = _operation(life, "debit", NOW - DAY)
    _entry(life, debit, "spent", -50, "available")
    back = _operation(life, "reverse", NOW, reverses=debit)
    _entry(life, back, "reversed", 50, "available")
    lapsed = _operation(life, "expire", NOW - DAY)
    _entry(life, lapsed, "expired", -500, "available")
    _entry(life, _operation(life, "reinstate", NOW, reverses=lapsed), "reversed", 500, "available")
    released = _operation(life, "release", NOW - DAY)
    _entry(life, released, "released", -500, "pending")
    _entry(life, released, "released", 500, "available")


def _buys(dice: Random, life: Life) -> None:
    """An order as money, in one currency or another, perhaps cancelled."""
    placed = NOW - dice.randrange(0, 2 * WINDOW) * DAY - DAY / 2
    total = Decimal(dice.randrange(100, 40000)) / 100
    status = dice.choice([Order.Status.COMPLETED, Order.Status.COMPLETED, Order.Status.CANCELLED])
    currency = dice.choice(["EUR", "EUR", "USD"])
    OrderFactory(
        customer=life.account.customer, store=STORE[0], placed_at=placed, total=total,
        status=status, currency=currency,
    )  # fmt: skip
    if status == Order.Status.COMPLETED and currency == "EUR":
        life.counted.append((placed, total))


STORE: list[object] = []


def _lives(dice: Random, program: Program) -> list[Life]:
    STORE[:] = [StoreFactory()]
    money = program.tier_basis == Program.TierBasis.WINDOW_SPEND
    acts: list[Callable[[Random, Life], None]]
    acts = [_buys, _spends] if money else [_earns, _earns, _is_adjusted, _spends]
    lives = []
    for _ in range(HOW_MANY):
        life = Life(AccountFactory(program=program), [])
        for _ in range(dice.randrange(0, 6)):
            dice.choice(acts)(dice, life)
        if dice.random() < 0.7:
            life.stood = _membership(dice, life.account)
        lives.append(life)
    return lives


def _membership(dice: Random, account: Account) -> TierMembership:
    steps = list(Tier.objects.filter(program=account.program))
    moments = [None, None, NOW - 5 * DAY, NOW, NOW + 5 * DAY, NOW + 60 * DAY]
    row: TierMembership = TierMembershipFactory(
        customer=account.customer, tier=dice.choice(steps), lapses_at=dice.choice(moments),
        floor=dice.choice([None, *steps]), floor_until=dice.choice(moments),
    )  # fmt: skip
    return row


def _expected(life: Life, steps: list[Tier], program: Program) -> Outcome:
    """The rules of `rewards.actions.tiers.evaluating`, said once more."""
    lifetime = program.tier_basis == Program.TierBasis.LIFETIME_UNITS
    begins = datetime.min.replace(tzinfo=UTC) if lifetime else NOW - WINDOW * DAY
    measure = sum((amount for at, amount in life.counted if at > begins), Decimal(0))
    in_use = [step for step in steps if step.is_active]
    earned = max((s.threshold for s in in_use if s.threshold <= measure), default=Decimal(0))
    row = life.stood
    here = row.tier.threshold if row else Decimal(0)
    until = row.floor_until if row else None
    holds = row and row.floor and row.floor in in_use and (until is None or until > NOW)
    floor = row.floor.threshold if row and row.floor and holds else Decimal(0)
    due = max(earned, floor)
    if row is None or due > here:
        return _put(due, earned, until, steps)
    if earned >= here:
        return (row.tier.name, None, row.source)
    lapses = row.lapses_at or NOW + GRACE * DAY
    if floor >= here and (until is None or lapses <= until):
        return (row.tier.name, until, row.source)
    if lapses > NOW:
        return (row.tier.name, lapses, row.source)
    return _put(due, earned, until, steps)


def _put(due: Decimal, earned: Decimal, until: datetime | None, steps: list[Tier]) -> Outcome:
    name = next((step.name for step in steps if step.threshold == due), "")
    if not name:
        return ("", None, "")
    return (name, None, "earned") if due == earned else (name, until, "manual")


def _outcomes(lives: list[Life]) -> list[Outcome]:
    rows = TierMembership.objects.filter(ended_at=None).select_related("tier")
    found = {row.customer_id: (row.tier.name, row.lapses_at, row.source) for row in rows}
    return [found.get(life.account.customer_id, ("", None, "")) for life in lives]


@pytest.mark.parametrize("basis", [b for b in Program.TierBasis if b != Program.TierBasis.NONE])
@pytest.mark.parametrize("seed", [1, 2])
def test_rw_11_three_ways_lead_to_where_the_rules_say(
    basis: Program.TierBasis, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = a_ladder(basis, tier_window_days=WINDOW, tier_grace_days=GRACE)
    if seed == 2:
        tier(program, "Gold", is_active=False)
    lives = _lives(Random(seed), program)
    steps = list(Tier.objects.filter(program=program))
    before = _outcomes(lives)
    expected = [_expected(life, steps, program) for life in lives]

    def one_by_one() -> None:
        for life in lives:
            evaluate(SYSTEM, life.account, NOW)

    def at_once() -> None:
        evaluate_many(SYSTEM, [life.account.pk for life in lives], NOW)

    def by_night() -> None:
        monkeypatch.setattr(evaluating, "BATCH", 40)
        evaluate_all()

    found = []
    for way in (one_by_one, at_once, by_night):
        point = transaction.savepoint()
        way()
        found.append(_outcomes(lives))
        evaluate_many(SYSTEM, [life.account.pk for life in lives], NOW)
        assert _outcomes(lives) == found[-1]  # once is enough
        transaction.savepoint_rollback(point)
    assert found[0] == found[1] == found[2]
    assert [outcome[0] for outcome in found[0]] == [outcome[0] for outcome in expected]
    assert found[0] == expected
    assert sum(one != other for one, other in zip(before, found[0], strict=True)) > HOW_MANY / 10
