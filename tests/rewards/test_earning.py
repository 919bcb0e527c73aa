"""Orders earn (RW-2) by the version of the rule in force, in every active program (RW-1)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine

from customers.hooks import Earning
from customers.models import Customer, Order
from loyalty_admin.common.errors import InvalidInput, NotAllowed
from rewards.actions.earning import earn_for_order
from rewards.actions.programs import (
    RuleTerms,
    change_program,
    create_program,
    create_rule,
    publish_rule,
    switch_rule,
)
from rewards.actions.settling import settle_account
from rewards.models import Account, EarningRuleVersion, Entry, Lot, Operation, Program
from tests.factories import (
    CustomerFactory,
    EarningRuleVersionFactory,
    OrderFactory,
    OrderLineFactory,
    TierFactory,
    TierMembershipFactory,
    actor_for,
)
from tests.rewards.ledger import SYSTEM, assert_adds_up

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
PER_EURO = RuleTerms(units=1, per=Decimal(1), currency="EUR")


def _program(terms: RuleTerms = PER_EURO, **behaviour: Any) -> Program:
    usual: dict[str, Any] = {
        "code": "points",
        "name": "Points",
        "unit_value": Decimal("0.01"),
        "currency": "EUR",
    }
    program = create_program(actor=SYSTEM, kind="points", status="active", **(usual | behaviour))
    create_rule(actor=SYSTEM, program_id=program.pk, name="Every euro", terms=terms)
    return program


def _earn(euros: str = "62.40", *, placed_at: datetime = NOW, **fields: Any) -> list[Earning]:
    order: Order = OrderFactory(placed_at=placed_at, total=Decimal(euros), **fields)
    line = OrderLineFactory(order=order, total=Decimal(euros))
    return earn_for_order(SYSTEM, order, [line])


@time_machine.travel(NOW, tick=False)
def test_rw_2_an_order_earns_by_its_rule_and_the_entry_keeps_the_version() -> None:
    program = _program()
    (earning,) = _earn()
    assert (earning.units, earning.program, earning.unit_name) == (62, "Points", "points")
    entry = Entry.objects.get()
    assert (entry.amount, entry.kind, entry.occurred_at) == (62, Entry.Kind.EARNED, NOW)
    assert entry.rule_version == program.rules.get().versions.get()
    assert Account.objects.get().balance == 62
    assert_adds_up()


def test_rw_2_the_version_in_force_on_the_orders_date_counts() -> None:
    program = _program()
    double = RuleTerms(units=2, per=Decimal(1), currency="EUR")
    publish_rule(actor=SYSTEM, rule_id=program.rules.get().pk, terms=double, effective_from=NOW)
    assert [earning.units for earning in _earn("10", placed_at=NOW - timedelta(days=1))] == [10]
    assert [earning.units for earning in _earn("10", placed_at=NOW)] == [20]


@time_machine.travel(NOW, tick=False)
def test_rw_1_units_are_pending_until_their_day_and_then_available() -> None:
    program = _program(pending_days=14, expiry="per_lot", expiry_days=365)
    customer = CustomerFactory()
    (earning,) = _earn(customer=customer)
    assert earning.pending_until == NOW + timedelta(days=14)
    account = Account.objects.get()
    assert (account.balance, account.pending) == (0, 62)
    with time_machine.travel(NOW + timedelta(days=14), tick=False):
        settle_account(customer_id=customer.pk, program_id=program.pk)
    account.refresh_from_db()
    assert (account.balance, account.pending) == (62, 0)
    assert Lot.objects.get().expires_at == NOW + timedelta(days=14 + 365)
    assert_adds_up()


@time_machine.travel(NOW, tick=False)
def test_rw_1_several_programs_and_rules_earn_in_one_operation() -> None:
    points = _program()
    create_rule(actor=SYSTEM, program_id=points.pk, name="Bonus", terms=RuleTerms(
        units=5, per=Decimal(1), currency="EUR", measure="order",
    ))  # fmt: skip
    _program(code="beans", name="Beans")
    assert [earning.units for earning in _earn("10")] == [15, 10]
    assert Operation.objects.count() == 1
    assert sorted(Account.objects.values_list("balance", flat=True)) == [10, 15]
    assert_adds_up()


@pytest.mark.parametrize("status", ["guest", "removed", "nobody"])
def test_only_members_earn(status: str) -> None:
    _program()
    customer = None if status == "nobody" else CustomerFactory(**{status: True})
    assert _earn(customer=customer) == []
    assert not Operation.objects.exists()


def test_paused_programs_and_switched_off_rules_earn_nothing() -> None:
    program = _program()
    change_program(actor=SYSTEM, program_id=program.pk, status="paused")
    assert _earn() == []
    change_program(actor=SYSTEM, program_id=program.pk, status="active")
    switch_rule(actor=SYSTEM, rule_id=program.rules.get().pk, is_active=False)
    assert _earn() == []


def test_an_order_below_the_first_unit_opens_no_account() -> None:
    _program()
    assert _earn("0.99") == []
    assert not Account.objects.exists()
    assert Customer.objects.exists()


@pytest.mark.parametrize(
    ("behaviour", "field"),
    [
        ({"code": "Not a slug!"}, "code"),
        ({"currency": "XXQ"}, "currency"),
        ({"unit_value": Decimal(-1)}, "unit_value"),
        ({"expiry": "per_lot", "expiry_days": 0}, "expiry_days"),
        ({"rounding": "sideways"}, "rounding"),
        ({"nonsense": 1}, "nonsense"),
        ({"name": ""}, "name"),
    ],
)
def test_rw_1_a_program_that_can_not_be_names_its_field(
    behaviour: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidInput) as refusal:
        _program(**behaviour)
    assert refusal.value.field == field
    assert not Program.objects.exists()


def test_only_store_admins_set_programs_up() -> None:
    with pytest.raises(NotAllowed):
        create_program(actor=actor_for(lead=True), code="points", kind="points")
    with pytest.raises(NotAllowed):
        change_program(actor=actor_for(), program_id=_program().pk, status="paused")


def _version(**terms: Any) -> EarningRuleVersion:
    version: EarningRuleVersion = EarningRuleVersionFactory(**terms)
    return version


@time_machine.travel(NOW, tick=False)
def test_rw_2_a_cap_per_day_counts_the_days_of_the_store() -> None:
    _version(cap_per_day=100)
    customer = CustomerFactory()
    late = datetime(2026, 5, 30, 21, 30, tzinfo=UTC)  # 23:30 in Madrid
    assert [one.units for one in _earn("70", customer=customer, placed_at=late)] == [70]
    assert [one.units for one in _earn("70", customer=customer, placed_at=late)] == [30]
    assert _earn("70", customer=customer, placed_at=late) == []
    next_day = late + timedelta(hours=1)
    assert [one.units for one in _earn("70", customer=customer, placed_at=next_day)] == [70]
    assert_adds_up()


@time_machine.travel(NOW, tick=False)
def test_rw_2_a_cap_per_customer_is_for_each_customer() -> None:
    _version(cap_per_customer=100)
    one, other = CustomerFactory(), CustomerFactory()
    days = [NOW - timedelta(days=days) for days in (3, 2, 1)]
    units = [sum(e.units for e in _earn("45", customer=one, placed_at=at)) for at in days]
    assert units == [45, 45, 10]
    assert sum(e.units for e in _earn("45", customer=other)) == 45


@time_machine.travel(NOW, tick=False)
def test_rw_2_the_tier_of_the_order_s_date_multiplies_before_the_cap() -> None:
    version = _version(cap_per_order=90)
    program = version.rule.program
    Program.objects.filter(pk=program.pk).update(tier_basis="lifetime_units")
    step = TierFactory(program=program, threshold=10**6, multiplier=Decimal("1.5"))
    since = NOW - timedelta(days=10)
    member = TierMembershipFactory(tier=step, since=since, floor=step, source="manual").customer
    before = since - timedelta(days=1)
    units = [
        sum(e.units for e in _earn(euros, customer=member, placed_at=at))
        for euros, at in (("33", NOW), ("33", before), ("80", NOW))
    ]
    assert units == [49, 33, 90]  # 49.5 rounds down, as the program does
    assert [e.multiplier for e in Entry.objects.order_by("pk")] == [
        Decimal("1.5"), Decimal(1), Decimal("1.5")
    ]  # fmt: skip


@time_machine.travel(NOW, tick=False)
def test_rw_1_units_lapse_when_nothing_happens_for_long_enough() -> None:
    program = _version().rule.program
    Program.objects.filter(pk=program.pk).update(expiry="inactivity", expiry_days=30)
    customer = CustomerFactory()
    for days in (50, 40, 15):
        _earn("10", customer=customer, placed_at=NOW - timedelta(days=days))
    account = Account.objects.get()
    assert account.expires_at == NOW + timedelta(days=15)
    with time_machine.travel(NOW + timedelta(days=16), tick=False):
        settle_account(customer_id=customer.pk, program_id=program.pk)
        lapsed = Account.objects.get()
        assert lapsed.balance == 0
        assert lapsed.expires_at is None
        _earn("10", customer=customer, placed_at=datetime.now(UTC))
    account.refresh_from_db()
    assert (account.balance, account.expires_at) == (10, NOW + timedelta(days=46))
    assert_adds_up()


@time_machine.travel(NOW, tick=False)
def test_cu_7_time_stands_still_for_who_was_removed() -> None:
    program = _version().rule.program
    Program.objects.filter(pk=program.pk).update(expiry="per_lot", expiry_days=30)
    customer = CustomerFactory()
    _earn("10", customer=customer, placed_at=NOW - timedelta(days=20))
    Customer.objects.filter(pk=customer.pk).update(status="removed")
    with time_machine.travel(NOW + timedelta(days=100), tick=False):
        settle_account(customer_id=customer.pk, program_id=program.pk)
        assert _earn("10", customer=Customer.objects.get()) == []
    assert Account.objects.get().balance == 10
