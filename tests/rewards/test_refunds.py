"""RW-10: what comes back takes back what it earned, by the rule version that gave it, once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import time_machine

from activity.models import Event
from customers.actions.refund_checks import RefundedLine
from customers.models import Order
from rewards.actions.programs import publish_rule
from rewards.actions.rule_terms import RuleTerms
from rewards.actions.settling import settle_account
from rewards.models import Account, EarningRuleVersion, Entry, Operation, Program, Shortfall
from tests.customers.coming_back import cancel, complete, refund, sell, sell_lines
from tests.customers.drafts import a_line
from tests.customers.importing import ROW, rows, run
from tests.factories import (
    CustomerFactory,
    EarningRuleFactory,
    EarningRuleVersionFactory,
    ProgramFactory,
    StoreFactory,
    TierFactory,
    TierMembershipFactory,
)
from tests.rewards.ledger import SYSTEM, adjust, assert_adds_up, debit, undo

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 5, 1, 18, tzinfo=UTC)
"""Shortly after the orders of these tests."""


@pytest.fixture(autouse=True)
def clock() -> Any:
    """Stands still."""
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


def per_euro(**behaviour: Any) -> Program:
    """A program with a point per euro."""
    program: Program = ProgramFactory(**behaviour)
    EarningRuleVersionFactory(rule=EarningRuleFactory(program=program))
    return program


def account() -> Account:
    """The only account, as the database has it."""
    return Account.objects.get()


def test_rw_10_one_of_three_lines_takes_back_its_units_under_the_old_rule() -> None:
    """The rule pays five times as much by now; what is taken back is what was given."""
    program = per_euro()
    order = sell("12.50", "30.20", "19.90")
    assert account().balance == 62
    terms = RuleTerms(units=5, per=Decimal(1), currency="EUR")
    rule = program.rules.get()
    publish_rule(
        actor=SYSTEM, rule_id=rule.pk, terms=terms, effective_from=NOW - timedelta(days=30)
    )
    answer = refund(order, 2).answer
    # 62.60 earned 62; without 30.20 they are 32.40, which earn 32.
    assert account().balance == 32
    assert answer["taken_back"] == [
        {"program": "Points", "units": 30, "unit_name": "points", "missing": 0}
    ]
    entry = Entry.objects.get(kind=Entry.Kind.REVERSED)
    assert entry.amount == -30
    assert entry.rule_version == rule.versions.get(number=entry.rule_version.number)  # type: ignore[union-attr]
    assert entry.rule_version == Entry.objects.get(kind=Entry.Kind.EARNED).rule_version
    assert (entry.operation.kind, entry.operation.order) == (Operation.Kind.REFUND, order)
    assert_adds_up()


def test_rw_10_lines_one_by_one_take_back_everything_and_no_more() -> None:
    per_euro()
    order = sell("0.60", "0.60", "0.80")
    assert account().balance == 2
    for position, left in ((1, 1), (2, 0), (3, 0)):
        refund(order, position, number=f"R-{position}")
        assert account().balance == left
    order.refresh_from_db()
    assert order.status == Order.Status.REFUNDED
    assert_adds_up()


def test_rw_10_the_same_refund_five_times_takes_back_once() -> None:
    per_euro()
    order = sell("62.00", "10.00")
    answers = [refund(order, 1) for _ in range(5)]
    assert account().balance == 10
    assert [one.created for one in answers] == [True, False, False, False, False]
    assert all(one.answer == answers[0].answer for one in answers)
    assert Operation.objects.filter(kind=Operation.Kind.REFUND).count() == 1
    assert Event.objects.filter(kind="order.refunded").count() == 1
    assert_adds_up()


def test_rw_10_the_multiplier_of_the_step_of_then_is_what_counts() -> None:
    program = per_euro(tier_basis=Program.TierBasis.LIFETIME_UNITS)
    customer = CustomerFactory(external_id="C-1")
    tier = TierFactory(program=program, multiplier=Decimal("1.5"))
    membership = TierMembershipFactory(
        customer=customer, program=program, tier=tier, since=NOW - timedelta(days=30)
    )
    order = sell("10.00", "5.00")
    assert account().balance == 22
    membership.ended_at = NOW
    membership.save()
    refund(order, 2)
    assert account().balance == 15
    assert_adds_up()


def test_rw_10_a_pending_earning_is_taken_from_what_is_pending() -> None:
    per_euro(pending_days=14)
    order = sell("62.00", "10.00")
    assert (account().balance, account().pending) == (0, 72)
    refund(order, 1)
    assert (account().balance, account().pending) == (0, 10)
    entry = Entry.objects.get(kind=Entry.Kind.REVERSED)
    assert (entry.bucket, entry.amount, entry.balance_after) == ("pending", -62, 10)
    assert_adds_up()


def test_rw_10_what_is_spent_is_a_visible_shortfall() -> None:
    program = per_euro()
    order = sell("20.00", "42.00")
    debit(account(), 57)
    answer = refund(order, 1, 2).answer
    assert answer["taken_back"] == [
        {"program": "Points", "units": 5, "unit_name": "points", "missing": 57}
    ]
    assert (account().balance, account().debt) == (0, 0)
    shortfall = Shortfall.objects.get()
    assert (shortfall.amount, shortfall.account.program) == (57, program)
    assert_adds_up()


def test_rw_10_a_shortfall_is_not_asked_for_again_by_the_next_refund() -> None:
    per_euro()
    order = sell("20.00", "42.00")
    debit(account(), 60)
    refund(order, 1, number="R-1")
    adjust(account(), 100)
    refund(order, 2, number="R-2")
    # 18 of the first line were missing and stay so; the second line takes its 42.
    assert account().balance == 58
    assert list(Shortfall.objects.values_list("amount", flat=True)) == [18]
    assert_adds_up()


def test_rw_10_where_the_program_allows_it_what_is_spent_becomes_a_debt() -> None:
    per_euro(clawback_below_zero=True)
    order = sell("62.00")
    debit(account(), 57)
    answer = refund(order).answer
    assert answer["taken_back"] == [
        {"program": "Points", "units": 62, "unit_name": "points", "missing": 0}
    ]
    assert (account().balance, account().debt) == (-57, 57)
    assert not Shortfall.objects.exists()
    assert_adds_up()


def test_rw_10_other_lots_give_in_their_order_once_the_own_one_is_empty() -> None:
    per_euro()
    order = sell("30.00")
    adjust(account(), 20, expires_in_days=10)
    late = adjust(account(), 20, expires_in_days=100)
    debit(account(), 50)  # the 20 that expire first, the next 20, and 10 of the order's own
    adjust(account(), 5, expires_in_days=5)
    refund(order)
    assert account().balance == 0
    assert Shortfall.objects.get().amount == 5
    assert late.entries.get().lot.remaining == 0
    assert_adds_up()


def test_rw_10_units_that_expired_are_not_taken_a_second_time(clock: Any) -> None:
    program = per_euro(expiry=Program.Expiry.PER_LOT, expiry_days=10)
    order = sell("30.00", "32.00")
    debit(account(), 12)
    clock.shift(timedelta(days=11))
    adjust(account(), 100)
    settle_account(customer_id=account().customer_id, program_id=program.pk)
    assert account().balance == 100  # 12 were spent, 50 have expired
    refund(order, 1, number="R-1", at=NOW)
    assert account().balance == 100
    refund(order, 2, number="R-2", at=NOW)
    assert account().balance == 88
    assert_adds_up()


def test_rw_10_a_stamp_for_the_order_stays_while_a_line_that_counts_remains() -> None:
    program = ProgramFactory(stamps=True)
    EarningRuleVersionFactory(
        rule=EarningRuleFactory(program=program),
        measure=EarningRuleVersion.Measure.ORDER,
        categories=["PASTRY"],
    )
    order = sell_lines(
        a_line(sku="A", category="PASTRY"),
        a_line(sku="B", category="PASTRY"),
        a_line(sku="C", category="BREAD"),
    )
    assert account().balance == 1
    refund(order, 1, number="R-1")
    refund(order, 3, number="R-2")
    assert account().balance == 1
    refund(order, 2, number="R-3")
    assert account().balance == 0
    assert_adds_up()


def test_rw_10_a_stamp_goes_with_the_item_not_with_its_price() -> None:
    program = ProgramFactory(stamps=True)
    EarningRuleVersionFactory(
        rule=EarningRuleFactory(program=program), measure=EarningRuleVersion.Measure.ORDER
    )
    kept, given_back = sell("3.00"), sell("3.00", number="1002")
    money = RefundedLine(position=1, quantity=Decimal(0), total=Decimal("3.00"))
    item = RefundedLine(position=1, quantity=Decimal(1), total=Decimal("2.50"))
    refund(kept, lines=[money])
    assert account().balance == 2
    refund(given_back, lines=[item])
    assert account().balance == 1
    assert_adds_up()


def test_rw_10_an_imported_order_is_refunded_like_any_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    per_euro()
    StoreFactory(code="S-1")
    with time_machine.travel(NOW, tick=True):
        run(rows(ROW, ROW.replace("SKU-1", "SKU-2").replace("12.50", "20.00")))
    assert account().balance == 32
    refund(Order.objects.get(), 2)
    assert account().balance == 12
    assert_adds_up()


def test_rw_10_a_cancelled_order_completed_again_earns_again() -> None:
    per_euro()
    order = sell("62.00")
    assert cancel(order).answer["status"] == "cancelled"
    assert account().balance == 0
    cancel(order)
    assert account().balance == 0
    answer = complete(order).answer
    assert [one["units"] for one in answer["earned"]] == [62]  # type: ignore[attr-defined]
    assert account().balance == 62
    complete(order)
    assert account().balance == 62
    cancel(order)
    assert account().balance == 0
    complete(order)
    assert account().balance == 62
    keys = Operation.objects.filter(kind=Operation.Kind.EARN).values_list("idempotency_key")
    assert len(set(keys)) == 3
    assert_adds_up()


def test_rw_10_what_was_refunded_before_does_not_earn_again() -> None:
    per_euro()
    order = sell("20.00", "30.00", "12.00")
    refund(order, 1, number="R-1")
    cancel(order)
    complete(order)
    order.refresh_from_db()
    assert (order.status, account().balance) == (Order.Status.PARTLY_REFUNDED, 42)
    refund(order, 2, number="R-2")
    assert account().balance == 12
    refund(order, number="R-3")
    assert account().balance == 0
    assert_adds_up()


def test_rw_10_cancelling_after_a_refund_takes_back_the_rest() -> None:
    per_euro()
    order = sell("20.00", "42.00")
    refund(order, 1)
    cancel(order)
    assert account().balance == 0
    taken = Entry.objects.filter(kind=Entry.Kind.REVERSED).values_list("amount", flat=True)
    assert sorted(taken) == [-42, -20]
    assert_adds_up()


def test_rw_10_every_program_takes_back_its_own() -> None:
    programs = [per_euro(), per_euro(pending_days=5)]
    order = sell("62.00")
    answer = refund(order).answer
    assert [one["units"] for one in answer["taken_back"]] == [62, 62]  # type: ignore[attr-defined]
    for program in programs:
        held = Account.objects.get(program=program)
        assert (held.balance, held.pending) == (0, 0)
    assert_adds_up()


def test_rw_10_a_guests_order_takes_nothing_back() -> None:
    per_euro()
    order = sell("62.00", customer_external_id=None)
    assert refund(order).answer["taken_back"] == []
    assert not Operation.objects.exists()
    order.refresh_from_db()
    assert order.status == Order.Status.REFUNDED


def test_rw_10_the_units_of_a_removed_member_are_taken_back_as_well() -> None:
    per_euro()
    order = sell("62.00")
    customer = account().customer
    customer.status = "removed"
    customer.save(update_fields=["status"])
    refund(order)
    assert account().balance == 0
    assert_adds_up()


def test_rw_10_a_refund_cannot_be_undone_by_hand() -> None:
    per_euro()
    refund(sell("62.00"))
    operation = Operation.objects.get(kind=Operation.Kind.REFUND)
    assert not operation.undoable
    with pytest.raises(Exception, match="by hand"):
        undo(operation)
