"""An order that comes back twice at once; each race has a control without the lock."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from threading import Barrier
from typing import Any

import pytest
from django.db import IntegrityError
from django.db.models import QuerySet

from customers.actions import refunds
from customers.actions.refund_checks import GoingBack, going_back
from customers.actions.refunds import Recorded
from customers.models import Order, Refund
from loyalty_admin.staff.permissions import actor_of_key
from rewards.models import Account, Operation
from rewards.selectors.integrity import find_discrepancies
from tests.concurrency.threads import together
from tests.customers.coming_back import cancel, complete, refund, sell
from tests.factories import ApiKeyFactory, EarningRuleVersionFactory
from tests.rewards.ledger import adjust, assert_adds_up, debit

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.race]


@pytest.fixture
def order() -> Order:
    """An order of two lines that earned 62 points."""
    EarningRuleVersionFactory()
    return sell("20.00", "42.00")


@pytest.fixture
def no_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for the order, and both have looked, twice, before either writes."""
    met, look = Barrier(2), refunds._refunded_before

    def look_then_meet(*args: Any) -> Recorded | None:
        found = look(*args)
        met.wait(timeout=30)
        return found

    def count_then_meet(*args: Any) -> list[GoingBack]:
        found = going_back(*args)
        met.wait(timeout=30)
        return found

    def unlocked(rows: QuerySet[Order], **_: Any) -> QuerySet[Order]:
        return rows

    monkeypatch.setattr(QuerySet, "select_for_update", unlocked)
    monkeypatch.setattr(refunds, "_refunded_before", look_then_meet)
    monkeypatch.setattr(refunds, "going_back", count_then_meet)


def assert_taken_back_once(outcomes: list[Recorded | Exception]) -> None:
    assert not [one for one in outcomes if isinstance(one, Exception)], outcomes
    assert Refund.objects.count() == 1
    assert Operation.objects.filter(kind=Operation.Kind.REFUND).count() == 1
    assert Account.objects.get().balance == 42
    assert_adds_up()


def test_rw_10_one_refund_told_many_times_at_once_takes_back_once(order: Order) -> None:
    outcomes = together([partial(refund, order, 1) for _ in range(8)])
    assert_taken_back_once(outcomes)
    assert sum(one.created for one in outcomes if isinstance(one, Recorded)) == 1


def test_rw_10_one_request_sent_many_times_at_once_is_answered_once(order: Order) -> None:
    actor = actor_of_key(ApiKeyFactory())
    twins = [partial(refund, order, 1, actor=actor, idempotency_key="one") for _ in range(8)]
    outcomes = together(twins)
    assert_taken_back_once(outcomes)
    assert sum(one.replayed for one in outcomes if isinstance(one, Recorded)) == 7


def test_control_without_the_lock_a_twin_meets_the_constraint(order: Order, no_lock: None) -> None:
    outcomes = together([partial(refund, order, 1) for _ in range(2)])
    assert [type(one) for one in outcomes if isinstance(one, Exception)] == [IntegrityError]


def test_rw_10_two_refunds_of_one_line_at_once_pay_it_back_once(order: Order) -> None:
    outcomes = together([partial(refund, order, 1, number=f"R-{n}") for n in range(8)])
    assert sum(isinstance(one, Recorded) for one in outcomes) == 1
    assert Account.objects.get().balance == 42
    assert_adds_up()


def test_control_without_the_lock_the_line_is_paid_back_twice(order: Order, no_lock: None) -> None:
    together([partial(refund, order, 1, number=f"R-{n}") for n in range(2)])
    assert Refund.objects.count() == 2


def test_rw_10_refunds_cancellations_and_completions_at_once_leave_what_the_order_says(
    order: Order,
) -> None:
    """Whatever came last, the ledger agrees with it; the customer spends meanwhile."""
    account = Account.objects.get()
    acts: list[Callable[[], object]] = [partial(refund, order, 1), partial(refund, order, 1)]
    acts += [partial(cancel, order) for _ in range(3)]
    acts += [partial(complete, order) for _ in range(3)]
    acts += [partial(adjust, account, 5), partial(debit, account, 5)]
    outcomes = together(acts)
    assert not [one for one in outcomes if isinstance(one, IntegrityError)], outcomes
    complete(order)
    cancel(order)
    account.refresh_from_db()
    spent = any(isinstance(one, Operation) for one in outcomes[-1:])
    short = sum(row.amount for row in account.shortfalls.all())
    assert account.balance == 5 - 5 * spent + short
    assert find_discrepancies() == []
