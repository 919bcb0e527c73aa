"""What a change will do is what it then does: the preview against the ledger itself."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from customers.models import Order
from rewards.actions.earning import earn_for_order
from rewards.actions.programs import RuleTerms, create_rule
from rewards.models import Account, Entry, Program
from rewards.selectors.effect import Comparison, Outcome, compare_rule
from rewards.selectors.effect_of_programs import preview_program, preview_status
from rewards.selectors.effect_of_tiers import preview_tier
from tests.factories import (
    AccountFactory,
    CustomerFactory,
    OrderFactory,
    OrderLineFactory,
    ProgramFactory,
    StoreFactory,
    TierFactory,
    TierMembershipFactory,
)
from tests.rewards.ledger import SYSTEM, account_of, adjust

pytestmark = pytest.mark.django_db

PER_EURO = RuleTerms(units=1, per=Decimal(1), currency="EUR")


def compared(program: Program, now: RuleTerms | None, draft: RuleTerms | None) -> Comparison:
    found = compare_rule(program, now, draft)
    assert found is not None
    return found


def an_order(*euros: str, days_ago: float = 1, **fields: Any) -> Order:
    placed_at = timezone.now() - timedelta(days=days_ago)
    total = sum(map(Decimal, euros), Decimal(0))
    order: Order = OrderFactory(placed_at=placed_at, total=total, **fields)
    for position, amount in enumerate(euros, start=1):
        category = ("COFFEE", "TEA")[position % 2]
        OrderLineFactory(
            order=order, position=position, category=category, total=Decimal(amount),
            quantity=position, sku=f"{category}-{position}",
        )  # fmt: skip
    return order


def some_orders(chance: random.Random) -> list[Order]:
    """A handful of customers over some days, in two stores."""
    stores = [StoreFactory(code="gran-via"), StoreFactory(code="web", web=True)]
    customers = [CustomerFactory() for _ in range(4)]
    return [
        an_order(
            *(f"{chance.randint(0, 4000) / 100:.2f}" for _ in range(chance.randint(1, 3))),
            days_ago=1 + number % 3 + number / 1000,
            customer=chance.choice(customers),
            store=chance.choice(stores),
        )
        for number in range(24)
    ]


def earned(orders: Sequence[Order]) -> Outcome:
    """What the ledger says when the orders come in one after the other."""
    for order in sorted(orders, key=lambda order: (order.placed_at, order.pk)):
        earn_for_order(SYSTEM, order, list(order.lines.all()))
    entries = Entry.objects.filter(kind=Entry.Kind.EARNED)
    return Outcome(
        times=entries.count(),
        units=sum(entries.values_list("amount", flat=True)),
        customers=entries.values("customer_id").distinct().count(),
    )


@pytest.mark.parametrize("rounding", ["down", "nearest", "up"])
@pytest.mark.parametrize(
    "terms",
    [
        PER_EURO,
        replace(PER_EURO, units=3, per=Decimal("2.50"), cap_per_order=20),
        replace(PER_EURO, categories=["COFFEE"], cap_per_day=15),
        replace(PER_EURO, measure="items", per=Decimal(2), skus=["TEA-1", "COFFEE-2"]),
        replace(PER_EURO, measure="order", categories=["TEA"], stores=["gran-via"], units=7),
        replace(PER_EURO, channels=["web"], cap_per_day=40, cap_per_customer=55),
    ],
)
def test_rw_2_the_preview_of_a_rule_is_what_it_then_earns(rounding: str, terms: RuleTerms) -> None:
    program = ProgramFactory(rounding=rounding, tier_basis="lifetime_units")
    orders = some_orders(random.Random(7))
    gold = TierFactory(program=program, threshold=10**6, multiplier=Decimal("1.25"))
    TierMembershipFactory(tier=gold, customer=orders[0].customer)
    foreseen = compared(program, None, terms)

    create_rule(actor=SYSTEM, program_id=program.pk, name="Rule", terms=terms)

    assert foreseen.draft == earned(orders)
    assert foreseen.draft.units > 0
    assert foreseen.now == Outcome()
    assert foreseen.looked_at == len(orders)


def test_a_draft_is_compared_with_what_is_in_force() -> None:
    program, member = ProgramFactory(), CustomerFactory()
    for euros in ("10.00", "20.50"):
        an_order(euros, customer=member)
    an_order("30.00", customer=CustomerFactory())
    an_order("99.00", customer=CustomerFactory(status="guest", joined_at=None))
    an_order("99.00", customer=member, days_ago=31)
    an_order("99.00", customer=member, status=Order.Status.CANCELLED)

    found = compared(program, PER_EURO, replace(PER_EURO, per=Decimal(10), units=12))

    assert found.now == Outcome(times=3, units=60, customers=2)
    assert found.draft == Outcome(times=3, units=72, customers=2)
    assert (found.more, found.fewer, found.looked_at) == (2, 0, 3)


def test_without_orders_there_is_nothing_to_foresee() -> None:
    found = compared(ProgramFactory(), PER_EURO, PER_EURO)

    assert found == Comparison(Outcome(), Outcome(), more=0, fewer=0, looked_at=0)


def test_sign_ups_and_birthdays_are_counted_and_reviews_are_not() -> None:
    now = timezone.now()
    born = now.date() - timedelta(days=5)
    CustomerFactory(joined_at=now - timedelta(days=3), birth_date=None)
    CustomerFactory(joined_at=now - timedelta(days=400), birth_date=date(1990, born.month, 15))
    CustomerFactory(joined_at=now - timedelta(days=400), birth_date=born.replace(year=1996))
    sign_up = replace(PER_EURO, trigger="sign_up", measure="order", units=100)
    program = ProgramFactory()

    joined = compared(program, sign_up, replace(sign_up, units=150))
    assert (joined.now.units, joined.draft.units, joined.more) == (100, 150, 1)
    birthday = replace(sign_up, trigger="birthday")
    assert compared(program, None, birthday).draft.times >= 1
    assert compare_rule(program, None, replace(sign_up, trigger="review")) is None


def test_pausing_says_who_can_not_earn_or_spend() -> None:
    program = ProgramFactory()
    for balance in (1200, 40):
        account_of(balance, program=program)

    said = preview_status(program, "paused")

    assert said.lines[0] == "2 members with 1,240 points can't earn or spend until it is resumed."
    assert said.tone == "warn"


def test_a_change_of_expiry_says_what_keeps_its_date() -> None:
    program = ProgramFactory(expiry="never")
    account_of(50, program=program)
    after = Program.objects.get(pk=program.pk)
    after.expiry, after.expiry_days = "inactivity", 30

    lines = preview_program(program, after).lines

    assert "Lots that exist keep their dates: 1." in lines
    assert any(line.endswith("unless used before: 1.") for line in lines)
    assert preview_program(program, program).lines == ["Nothing changes."]


def test_rw_11_a_new_step_says_who_would_stand_on_it_and_what_that_costs() -> None:
    program = ProgramFactory(tier_basis="lifetime_units")
    TierFactory(program=program, name="Silver", threshold=100)
    for balance in (50, 150, 250, 600):
        adjust(AccountFactory(program=program), balance)
    assert Account.objects.count() == 4
    gold = TierFactory.build(
        program=program, name="Gold", threshold=Decimal(200), entry_units=10, multiplier=Decimal(2)
    )

    lines = preview_tier(None, gold).lines

    assert lines[0] == "“Gold” begins at 200 points: points earned in a lifetime."
    assert lines[1] == "It gives: earns 2 times as much; 10 points on arrival, once."
    assert lines[2] == "Have earned it by now: 2 customers of 4 members, 50 %."
    assert lines[3] == "Below it, on “Silver”: 1 customer."
    assert lines[-1] == "They get 20 points for it, worth €0.20 in all."


def test_the_order_of_days_is_the_stores(settings: Any) -> None:
    """Two orders around midnight fall on two days of the store, and each has its cap."""
    settings.STORE_TIME_ZONE = "Europe/Madrid"
    member, program = CustomerFactory(), ProgramFactory()
    # 22:30 and 23:30 in UTC are half past eleven and half past midnight in Madrid's winter.
    today = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    for hours in (22.5, 23.5):
        placed_at: datetime = today - timedelta(days=2) + timedelta(hours=hours)
        order = OrderFactory(placed_at=placed_at, total=Decimal(50), customer=member)
        OrderLineFactory(order=order, total=Decimal(50))

    found = compared(program, None, replace(PER_EURO, cap_per_day=30))

    assert found.draft.units == 60
