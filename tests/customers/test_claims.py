"""CU-6: an order finds its customer, once, and earns as it would have on its date."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.test import Client

from activity.models import AuditRecord, Event
from customers.actions.claims import Claim, OrderTaken, claim_order, undo_claim
from customers.actions.customers import enrol_customer
from customers.models import Customer, Order, OrderLine
from loyalty_admin.common.errors import Conflict, IdempotencyConflict, NotEnrolled, NotFound
from rewards.actions.programs import publish_rule
from rewards.actions.rule_terms import RuleTerms
from rewards.models import Account, Entry, Lot, Program
from tests.customers.coming_back import SYSTEM, cancel, refund, sell
from tests.factories import (
    CustomerFactory,
    EarningRuleFactory,
    EarningRuleVersionFactory,
    ProgramFactory,
    StoreFactory,
    UserFactory,
)
from tests.rewards.ledger import assert_adds_up, debit

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
"""A month after the orders of these tests."""


@pytest.fixture(autouse=True)
def clock() -> Any:
    """Stands still."""
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def ana() -> Customer:
    """A member."""
    customer: Customer = CustomerFactory(name="Ana Pérez", external_id="A-1")
    return customer


def per_euro(**behaviour: Any) -> Program:
    """A program with a point per euro."""
    program: Program = ProgramFactory(**behaviour)
    EarningRuleVersionFactory(rule=EarningRuleFactory(program=program, name="1 point per euro"))
    return program


def guest_order(*totals: str, **fields: Any) -> Order:
    """An order of nobody, a month ago."""
    return sell(*(totals or ("62.40",)), customer_external_id=None, **fields)


def claim(order: Order, customer: Customer, **fields: Any) -> Claim:
    """The claim, with a fresh key unless one is given."""
    fields.setdefault("idempotency_key", str(uuid4()))
    return claim_order(actor=SYSTEM, order_id=order.pk, customer_id=customer.pk, **fields)


def test_cu_6_a_guest_order_earns_as_on_its_date(ana: Customer) -> None:
    program = per_euro()
    order = guest_order("40.20", "22.20")
    terms = RuleTerms(units=9, per=Decimal(1), currency="EUR")
    publish_rule(
        actor=SYSTEM, rule_id=program.rules.get().pk, terms=terms,
        effective_from=NOW - timedelta(days=1),
    )  # fmt: skip
    claimed = claim(order, ana)
    assert [one["units"] for one in claimed.earned] == [62]
    order.refresh_from_db()
    assert order.customer == ana
    assert set(OrderLine.objects.values_list("customer", flat=True)) == {ana.pk}
    entry = Entry.objects.get()
    assert (entry.amount, entry.occurred_at) == (62, order.placed_at)
    assert Event.objects.get(kind="order.claimed", customer=ana).data["earned"]
    assert AuditRecord.objects.filter(verb="order.claimed", customer=ana).count() == 1
    assert_adds_up()


def test_cu_6_a_claim_sent_twice_earns_once(ana: Customer) -> None:
    per_euro()
    order, other = guest_order(), guest_order(number="1002")
    first = claim(order, ana, idempotency_key="one")
    assert claim(order, ana, idempotency_key="one").event_id == first.event_id
    with pytest.raises(IdempotencyConflict):
        claim(other, ana, idempotency_key="one")
    with pytest.raises(Conflict, match="has earned already: 62 points"):
        claim(order, ana)
    assert Account.objects.get().balance == 62
    assert_adds_up()


def test_cu_6_an_order_of_somebody_else_is_refused(ana: Customer) -> None:
    per_euro()
    order = sell("62.40")
    with pytest.raises(OrderTaken, match="belongs to another customer") as refusal:
        claim(order, ana)
    assert refusal.value.customer_id == order.customer_id
    assert not Account.objects.filter(customer=ana).exists()


def test_cu_6_cancelled_and_refunded_orders_are_refused(ana: Customer) -> None:
    per_euro()
    cancelled, refunded = guest_order(), guest_order(number="1002")
    cancel(cancelled)
    refund(refunded)
    with pytest.raises(Conflict, match="was cancelled"):
        claim(cancelled, ana)
    with pytest.raises(Conflict, match="was refunded"):
        claim(refunded, ana)


@pytest.mark.parametrize("trait", ["guest", "removed"])
def test_cu_6_only_members_claim(trait: str) -> None:
    per_euro()
    with pytest.raises(NotEnrolled, match="only members earn"):
        claim(guest_order(), CustomerFactory(**{trait: True}))


def test_cu_6_what_does_not_exist_is_not_found(ana: Customer) -> None:
    with pytest.raises(NotFound):
        claim(Order(pk=7), ana)
    with pytest.raises(NotFound):
        claim(guest_order(), Customer(pk=ana.pk + 1))
    with pytest.raises(NotFound):
        undo_claim(actor=SYSTEM, customer_id=ana.pk, event_id=7)


def test_cu_6_ones_own_order_from_before_joining_can_be_claimed() -> None:
    per_euro()
    order = sell("62.40", enrol=False)
    customer = Customer.objects.get()
    enrol_customer(actor=SYSTEM, customer_id=customer.pk)
    assert not Account.objects.exists()
    claimed = claim(order, customer)
    assert Account.objects.get().balance == 62
    undo_claim(actor=SYSTEM, customer_id=customer.pk, event_id=claimed.event_id)
    order.refresh_from_db()
    assert (order.customer, Account.objects.get().balance) == (customer, 0)
    claim(order, customer)
    assert Account.objects.get().balance == 62
    assert_adds_up()


def test_cu_6_what_was_refunded_before_does_not_earn(ana: Customer) -> None:
    per_euro()
    order = guest_order("40.00", "22.00", "10.00")
    refund(order, 1, number="R-1")
    assert [one["units"] for one in claim(order, ana).earned] == [32]
    refund(order, 2, number="R-2")
    assert Account.objects.get().balance == 10
    refund(order, number="R-3")
    assert Account.objects.get().balance == 0
    assert_adds_up()


def test_cu_6_what_would_have_expired_comes_with_the_grace(ana: Customer) -> None:
    per_euro(expiry=Program.Expiry.PER_LOT, expiry_days=10, grace_days=20)
    claim(guest_order(), ana)
    assert Lot.objects.get().expires_at == NOW + timedelta(days=20)


def test_cu_6_an_account_that_would_have_lapsed_comes_with_the_grace(ana: Customer) -> None:
    per_euro(expiry=Program.Expiry.INACTIVITY, expiry_days=10, grace_days=20)
    claim(guest_order(), ana)
    account = Account.objects.get()
    assert (account.balance, account.expires_at) == (62, NOW + timedelta(days=20))


def test_cu_6_a_claim_can_be_undone_and_the_right_one_earns(ana: Customer) -> None:
    per_euro()
    order = guest_order()
    claimed = claim(order, ana)
    undo_claim(actor=SYSTEM, customer_id=ana.pk, event_id=claimed.event_id)
    order.refresh_from_db()
    assert (order.customer, Account.objects.get(customer=ana).balance) == (None, 0)
    assert set(OrderLine.objects.values_list("customer", flat=True)) == {None}
    with pytest.raises(Conflict, match="undone before"):
        undo_claim(actor=SYSTEM, customer_id=ana.pk, event_id=claimed.event_id)
    bea = CustomerFactory()
    claim(order, bea)
    assert Account.objects.get(customer=bea).balance == 62
    refund(order)
    assert Account.objects.get(customer=bea).balance == 0
    assert_adds_up()


def test_cu_6_a_claim_is_not_undone_once_more_has_happened(ana: Customer) -> None:
    per_euro()
    spent, refunded = guest_order("30.00"), guest_order("5.00", "5.00", number="1002")
    first = claim(spent, ana)
    debit(Account.objects.get(), 20)
    with pytest.raises(Conflict, match="20 points of what this order earned have been spent"):
        undo_claim(actor=SYSTEM, customer_id=ana.pk, event_id=first.event_id)
    second = claim(refunded, ana)
    refund(refunded, 1)
    with pytest.raises(Conflict, match="more has happened"):
        undo_claim(actor=SYSTEM, customer_id=ana.pk, event_id=second.event_id)
    assert_adds_up()


# On screen


@pytest.fixture
def agent(client: Client) -> Client:
    """A browser with an agent at it."""
    client.force_login(UserFactory())
    return client


def test_cu_6_the_preview_says_what_each_line_brings(agent: Client, ana: Customer) -> None:
    per_euro(pending_days=60)
    order = guest_order("40.20", "22.20")
    text = agent.get(f"/customers/{ana.pk}/claim/?number=%231001").content.decode()
    assert "Ana Pérez earns 62 points" in text
    assert "Pending until 30 Jun 2026" in text
    assert "1 point per euro" in text
    assert "40 points" in text
    assert "22 points" in text
    assert f'name="order" value="{order.pk}"' in text
    assert not Account.objects.exists()


def test_cu_6_claimed_on_screen_and_undone_there(agent: Client, ana: Customer) -> None:
    per_euro()
    order = guest_order()
    url = f"/customers/{ana.pk}/claim/"
    body = {"order": order.pk, "idempotency_key": "form:one"}
    for _ in range(2):
        response = agent.post(url, body, headers={"HX-Request": "true"})
        assert response.status_code == 200
        assert "#1001 is claimed: Ana Pérez earned 62 points." in response.content.decode()
    claimed = Event.objects.get(kind="order.claimed")
    undo = f"/customers/{ana.pk}/claims/{claimed.pk}/undo/"
    assert undo in response.content.decode()
    timeline = agent.get(f"/customers/{ana.pk}/activity/").content.decode()
    assert "Order claimed" in timeline
    assert undo in timeline
    assert "Undo the claim of order #1001?" in agent.get(undo).content.decode()
    response = agent.post(undo, headers={"HX-Request": "true"})
    assert "is undone" in response.content.decode()
    assert Account.objects.get().balance == 0
    assert undo not in agent.get(f"/customers/{ana.pk}/activity/").content.decode()


def test_cu_6_a_refusal_names_its_reason_and_links_to_the_owner(
    agent: Client, ana: Customer
) -> None:
    per_euro()
    order = sell("62.40")
    url = f"/customers/{ana.pk}/claim/"
    text = agent.get(f"{url}?number=1001").content.decode()
    assert "Order 1001 belongs to another customer." in text
    assert f'href="/customers/{order.customer_id}/orders/' in text
    assert "Claim order" not in text
    response = agent.post(url, {"order": order.pk, "idempotency_key": "form:one"})
    assert response.status_code == 422
    assert "belongs to another customer" in response.content.decode()


@pytest.mark.parametrize(
    ("number", "said"),
    [("", "Enter the number on the receipt."), ("77", "There is no order with the number 77.")],
)
def test_cu_6_a_number_that_is_none_is_said_beside_the_field(
    agent: Client, ana: Customer, number: str, said: str
) -> None:
    response = agent.get(f"/customers/{ana.pk}/claim/?number={number}")
    assert response.status_code == 422
    assert said in response.content.decode()


def test_cu_6_of_several_stores_one_is_chosen(agent: Client, ana: Customer) -> None:
    guest_order()
    other = StoreFactory(code="S-2", name="Gran Vía")
    guest_order(store="S-2")
    url = f"/customers/{ana.pk}/claim/?number=1001"
    response = agent.get(url)
    assert response.status_code == 422
    assert "Several stores have an order with this number" in response.content.decode()
    assert "It earns nothing" in agent.get(f"{url}&store={other.pk}").content.decode()
    damaged = agent.get(f"{url}&store=x")
    assert (damaged.status_code, "Gran Vía" in damaged.content.decode()) == (422, True)


def test_cu_6_from_the_order_to_its_customer(agent: Client, ana: Customer) -> None:
    order = guest_order()
    assert "Claim for…" in agent.get(f"/orders/{order.pk}/").content.decode()
    assert "Claim for…" in agent.get("/orders/").content.decode()
    text = agent.get(f"/orders/{order.pk}/claim/?q=perez").content.decode()
    assert f"/customers/{ana.pk}/claim/?number=1001&amp;store={order.store_id}" in text
    assert "Nobody is found" in agent.get(f"/orders/{order.pk}/claim/?q=zzz").content.decode()
