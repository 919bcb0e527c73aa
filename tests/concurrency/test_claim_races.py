"""One order, several who claim it at once; with a control without the lock."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from threading import Barrier
from typing import Any

import pytest
from django.db import IntegrityError
from django.db.models import QuerySet

from customers.actions import claims
from customers.actions.claims import Claim, OrderTaken, claim_order
from customers.models import Customer, Order
from loyalty_admin.common.errors import Conflict, DomainError
from rewards.models import Account, Operation
from tests.concurrency.threads import together
from tests.customers.coming_back import SYSTEM, sell
from tests.factories import CustomerFactory, EarningRuleVersionFactory
from tests.rewards.ledger import assert_adds_up

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.race]


@pytest.fixture
def order() -> Order:
    """A guest order of 62.40."""
    EarningRuleVersionFactory()
    return sell("62.40", customer_external_id=None)


def at_once(order: Order, customers: Sequence[Customer], key: str = "") -> list[Any]:
    """What each was answered."""
    return together(
        [
            partial(
                claim_order,
                actor=SYSTEM,
                order_id=order.pk,
                customer_id=customer.pk,
                idempotency_key=key or f"key-{number}",
            )
            for number, customer in enumerate(customers)
        ]
    )


def test_cu_6_of_many_who_claim_one_order_one_gets_it(order: Order) -> None:
    outcomes = at_once(order, CustomerFactory.create_batch(8))
    assert sum(isinstance(one, Claim) for one in outcomes) == 1
    assert sum(isinstance(one, OrderTaken) for one in outcomes) == 7
    assert Account.objects.get().balance == 62
    assert_adds_up()


def test_cu_6_two_agents_claim_it_for_the_same_customer_once(order: Order) -> None:
    outcomes = at_once(order, [CustomerFactory()] * 8)
    assert sum(isinstance(one, Claim) for one in outcomes) == 1
    assert sum(isinstance(one, Conflict) for one in outcomes) == 7
    assert Account.objects.get().balance == 62


def test_cu_6_one_form_sent_many_times_at_once_is_answered_alike(order: Order) -> None:
    outcomes = at_once(order, [CustomerFactory()] * 8, key="one")
    assert all(isinstance(one, Claim) for one in outcomes), outcomes
    assert len({one.event_id for one in outcomes}) == 1
    assert Operation.objects.count() == 1


def test_control_without_the_lock_only_the_ledgers_key_is_left(
    order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    met, look = Barrier(2), claims.why_not_claimed

    def look_then_meet(*args: Any) -> DomainError | None:
        found = look(*args)
        met.wait(timeout=30)
        return found

    def unlocked(rows: QuerySet[Order], **_: Any) -> QuerySet[Order]:
        return rows

    monkeypatch.setattr(QuerySet, "select_for_update", unlocked)
    monkeypatch.setattr(claims, "why_not_claimed", look_then_meet)
    outcomes = at_once(order, CustomerFactory.create_batch(2))
    assert [type(one) for one in outcomes if not isinstance(one, Claim)] == [IntegrityError]
