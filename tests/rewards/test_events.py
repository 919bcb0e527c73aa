"""What earns without an order (RW-2): joining (CU-7), newsletter, review, friend, birthday."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.core.management import call_command
from django.db import transaction
from django.test import Client

from activity.models import Event
from customers.actions.customers import enrol_customer
from customers.models import Customer
from rewards.actions.event_reports import earn_birthdays
from rewards.models import Account, Entry, Program
from tests.customers.ledger_dump import Rows, dump
from tests.customers.order_csv import STORES, make_orders, write_csv
from tests.factories import (
    CustomerFactory,
    EarningRuleFactory,
    EarningRuleVersionFactory,
    ProgramFactory,
    StoreFactory,
    TierFactory,
    TierMembershipFactory,
    new_api_key,
)
from tests.loyalty_admin.api_client import Till
from tests.rewards.ledger import SYSTEM, assert_adds_up

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _a_fixed_moment() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


def rule(trigger: str, units: int = 50, program: Program | None = None, **terms: Any) -> Program:
    """A rule that gives so many units each time."""
    program = program or ProgramFactory()
    version = {"measure": "order", "trigger": trigger, "units": units} | terms
    EarningRuleVersionFactory(rule=EarningRuleFactory(program=program), **version)
    return program


def balance(customer: Customer) -> int:
    return sum(Account.objects.filter(customer=customer).values_list("balance", flat=True))


def report(token: str, body: dict[str, Any], key: str = "") -> Any:
    return Client(raise_request_exception=False).post(
        "/api/v1/events",
        {"kind": "newsletter", "occurred_at": "2026-06-01T10:00:00Z"} | body,
        content_type="application/json",
        headers={"Authorization": f"Bearer {token}", "Idempotency-Key": key or str(uuid4())},
    )


def _of_orders(operations: Rows) -> Rows:
    return [row for row in operations if not str(row[10]).startswith("event:")]


@pytest.fixture
def token() -> str:
    return new_api_key(scopes=["events.record"])[1]


def test_cu_7_signing_up_earns_once_in_a_lifetime() -> None:
    rule("sign_up")
    customer = CustomerFactory(guest=True)
    enrol_customer(actor=SYSTEM, customer_id=customer.pk)
    assert balance(customer) == 50
    assert Event.objects.get(kind="event.earned").data["trigger"] == "sign_up"

    Customer.objects.filter(pk=customer.pk).update(status="removed")
    enrol_customer(actor=SYSTEM, customer_id=customer.pk)
    assert balance(customer) == 50
    assert_adds_up()


@time_machine.travel(datetime(2026, 6, 15, 12, tzinfo=UTC), tick=False)
def test_rw_2_who_joins_with_an_order_earns_for_both_either_way(
    settings: Any, tmp_path: Path
) -> None:
    for code, zone in STORES.items():
        StoreFactory(code=code, name=f"Store {code}", time_zone=zone)
    program = rule("sign_up", cap_per_customer=50)
    EarningRuleVersionFactory(rule=EarningRuleFactory(program=program))
    orders = make_orders(60, customers=12)
    settings.API_REQUESTS_PER_MINUTE = 10**6
    till, point = Till(), transaction.savepoint()
    for order in orders:
        assert till.post(order.body(), key=f"{order.store}:{order.number}").status_code == 201
    by_api = dump()
    transaction.savepoint_rollback(point)
    path = write_csv(tmp_path / "orders.csv", orders)
    call_command("import_orders", str(path), stdout=StringIO())
    by_import = dump()

    assert by_api["accounts"] == by_import["accounts"]
    # The key of signing up names the customer by a number that differs from run to run.
    assert len(by_api["operations"]) == len(by_import["operations"])
    assert _of_orders(by_api["operations"]) == _of_orders(by_import["operations"])
    assert by_api["events"] == by_import["events"]
    assert Entry.objects.filter(rule_version__trigger="sign_up").count() > 5
    assert_adds_up()


def test_rw_2_an_event_earns_by_tier_and_waits_like_an_order() -> None:
    program = rule("review", 10, ProgramFactory(pending_days=3, tier_basis="lifetime_units"))
    step = TierFactory(program=program, threshold=10**6)
    customer = TierMembershipFactory(tier=step, floor=step, source="manual").customer
    token = new_api_key(scopes=["events.record"])[1]
    body = {
        "kind": "review",
        "reference": "R-1",
        "customer_external_id": customer.external_id,
        "occurred_at": "2026-06-01T10:00:00Z",
    }
    answer = report(token, body)
    assert answer.status_code == 200, answer.content
    (earned,) = answer.json()["earned"]
    assert (earned["units"], earned["pending_until"]) == (15, "2026-06-04T10:00:00+00:00")
    entry = Entry.objects.get()
    assert (entry.bucket, entry.multiplier) == ("pending", Decimal("1.5"))
    assert_adds_up()


def test_rw_2_the_same_event_earns_once_whatever_the_request(token: str) -> None:
    rule("review")
    rule("newsletter", 7)
    customer = CustomerFactory()
    who = {"customer_external_id": customer.external_id}
    key = str(uuid4())
    first = report(token, who | {"kind": "review", "reference": "R-1"}, key)
    again = report(token, who | {"kind": "review", "reference": "R-1"}, key)
    assert again.headers["Idempotent-Replay"] == "true"
    assert again.json() == first.json()
    assert report(token, who | {"kind": "review", "reference": "R-1"}).json()["earned"] == []
    assert report(token, who | {"kind": "review", "reference": "R-2"}).json()["earned"] != []
    assert report(token, who | {"reference": "one"}).json()["earned"] != []
    assert report(token, who | {"reference": "two"}).json()["earned"] == []
    assert balance(customer) == 50 + 50 + 7
    other = report(token, who | {"kind": "review", "reference": "R-3"}, key)
    assert other.status_code == 409


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"kind": "birthday"}, "kind"),
        ({"kind": "review"}, "reference"),
        ({"kind": "review", "reference": "x" * 81}, "reference"),
        ({"customer_external_id": "nobody"}, "customer_external_id"),
        ({"occurred_at": "2026-06-04T10:00:00Z"}, "occurred_at"),
        ({"occurred_at": "0001-01-01T00:00:00+14:00"}, "occurred_at"),
        ({"store": "S-404"}, "store"),
    ],
)
def test_a_wrong_event_names_its_field(token: str, body: dict[str, Any], field: str) -> None:
    rule("newsletter")
    customer = CustomerFactory()
    answer = report(token, {"customer_external_id": customer.external_id} | body)
    assert answer.status_code == 422
    assert field in str(answer.json())
    assert not Entry.objects.exists()


def test_a_key_without_the_scope_reports_nothing() -> None:
    token = new_api_key(scopes=["orders.record"])[1]
    customer = CustomerFactory()
    assert report(token, {"customer_external_id": customer.external_id}).status_code == 403


def test_rw_2_a_guest_and_a_rule_of_another_store_earn_nothing(token: str) -> None:
    rule("newsletter", stores=["S-1"])
    guest, member = CustomerFactory(guest=True), CustomerFactory()
    StoreFactory(code="S-1")
    assert report(token, {"customer_external_id": guest.external_id}).json()["earned"] == []
    assert report(token, {"customer_external_id": member.external_id}).json()["earned"] == []
    there = {"customer_external_id": member.external_id, "store": "S-1"}
    assert report(token, there).json()["earned"][0]["units"] == 50


def test_rw_2_birthdays_earn_once_a_year() -> None:
    rule("birthday", 100)
    born = CustomerFactory(birth_date=date(1990, 6, 1))
    CustomerFactory(birth_date=date(1990, 6, 2))
    CustomerFactory(birth_date=date(1990, 6, 1), removed=True)
    assert earn_birthdays(date(2026, 6, 1)) == 1
    assert earn_birthdays(date(2026, 6, 1)) == 0
    assert balance(born) == 100
    assert earn_birthdays(date(2027, 6, 1)) == 1
    assert_adds_up()


@pytest.mark.parametrize(("day", "earns"), [
    (date(2026, 3, 1), 1), (date(2026, 2, 28), 0), (date(2028, 2, 29), 1), (date(2028, 3, 1), 0),
])  # fmt: skip
def test_who_was_born_on_a_leap_day_has_a_birthday_every_year(day: date, earns: int) -> None:
    rule("birthday", 100)
    CustomerFactory(birth_date=date(1992, 2, 29))
    assert earn_birthdays(day) == earns
