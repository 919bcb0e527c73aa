"""Tills that send the same order at the same moment; each race has a control without the lock."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import IntegrityError, connection

from customers.actions import orders
from customers.actions.order_checks import OrderDraft
from customers.actions.orders import RecordedOrder, record_order
from customers.models import Customer, Order
from loyalty_admin.common.actor import Actor
from loyalty_admin.staff.actions import requests
from loyalty_admin.staff.models import RequestRecord
from loyalty_admin.staff.permissions import actor_of_key
from rewards.models import Account, Entry
from tests.customers.drafts import a_draft
from tests.factories import ApiKeyFactory, EarningRuleVersionFactory, StoreFactory

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.race]

TILLS = 8


@pytest.fixture
def actor() -> Actor:
    StoreFactory(code="S-1")
    EarningRuleVersionFactory()
    return actor_of_key(ApiKeyFactory())


def at_once(act: Callable[[int], RecordedOrder], times: int = TILLS) -> list[Any]:
    """What each thread answered or raised, all of them started together."""
    barrier = threading.Barrier(times)

    def run(number: int) -> Any:
        try:
            barrier.wait(timeout=30)
            return act(number)
        except Exception as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(run, range(times)))


def send(actor: Actor, draft: OrderDraft, key: str) -> RecordedOrder:
    return record_order(actor=actor, draft=draft, idempotency_key=key)


def assert_recorded_once() -> None:
    assert Order.objects.count() == 1
    assert Customer.objects.count() == 1
    assert Entry.objects.count() == 1
    assert Account.objects.get().balance == 12


def test_one_request_sent_many_times_is_answered_once(actor: Actor) -> None:
    results = at_once(lambda _: send(actor, a_draft(), "one"))

    assert all(isinstance(result, RecordedOrder) for result in results), results
    assert sorted(result.replayed for result in results) == [False] + [True] * (TILLS - 1)
    assert RequestRecord.objects.count() == 1
    assert_recorded_once()


def test_one_order_from_many_requests_is_recorded_once(actor: Actor) -> None:
    results = at_once(lambda number: send(actor, a_draft(), f"key-{number}"))

    assert all(isinstance(result, RecordedOrder) for result in results), results
    assert sorted(result.created for result in results) == [False] * (TILLS - 1) + [True]
    assert len({result.order_id for result in results}) == 1
    assert_recorded_once()


def test_one_new_customer_in_many_orders_is_created_once(actor: Actor) -> None:
    results = at_once(lambda number: send(actor, a_draft(number=f"{number}"), f"key-{number}"))

    assert all(isinstance(result, RecordedOrder) for result in results), results
    assert Customer.objects.count() == 1
    assert Order.objects.count() == TILLS
    assert Account.objects.get().balance == 12 * TILLS


def test_control_without_the_lock_twins_collide(
    actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both look for the other's answer before either has one: what the lock prevents."""
    met = threading.Barrier(2)
    find = requests._find

    def find_then_meet(*args: Any) -> RequestRecord | None:
        found = find(*args)
        met.wait(timeout=30)
        return found

    monkeypatch.setattr(requests, "_lock", lambda *_: None)
    monkeypatch.setattr(requests, "_find", find_then_meet)
    results = at_once(lambda _: send(actor, a_draft(), "one"), times=2)

    assert [type(result) for result in results if not isinstance(result, RecordedOrder)] == [
        IntegrityError
    ]


def test_control_without_the_unique_number_only_the_ledgers_key_is_left(
    actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The constraint is what makes twins wait; without it one of them fails at the ledger."""
    without = orders._INSERT.replace("ON CONFLICT (number, store_id) DO NOTHING", "")
    monkeypatch.setattr(orders, "_INSERT", without)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE customers_order DROP CONSTRAINT customers_order_once")
    try:
        results = at_once(lambda number: send(actor, a_draft(), f"key-{number}"), times=2)
        written = Order.objects.count()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE customers_order CASCADE")
            cursor.execute(
                "ALTER TABLE customers_order ADD CONSTRAINT customers_order_once "
                "UNIQUE (number, store_id)"
            )
    assert written == 1
    assert [type(result) for result in results if not isinstance(result, RecordedOrder)] == [
        IntegrityError
    ]
