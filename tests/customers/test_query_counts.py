"""How many queries the customer pages need: exactly the baseline, whatever the size.

Budgets: shell of the profile 8, a panel 6, a list 5, the user's own query included.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.utils import timezone

from customers.models import Customer
from customers.page import CustomerPage
from loyalty_admin.common.profile import Context
from tests.customers.coming_back import refund
from tests.factories import (
    AccountFactory,
    ContactPointFactory,
    CustomerFactory,
    EarningRuleVersionFactory,
    OrderFactory,
    OrderLineFactory,
    ProgramFactory,
    UserFactory,
)
from tests.queries import assert_queries

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}
START = datetime(2026, 1, 1, tzinfo=UTC)

SIZES = (1, 30)


@pytest.fixture
def agent(client: Client) -> Client:
    client.force_login(UserFactory())
    client.get("/find/")  # the session is in the cache from now on
    return client


def store_of(size: int) -> Customer:
    """The customer with `size` orders among `size` others, all with accounts."""
    program = ProgramFactory()
    customers = CustomerFactory.create_batch(size, name="Ana Pérez")
    for customer in customers:
        ContactPointFactory(customer=customer)
        AccountFactory(customer=customer, program=program)
    for day in range(size):
        order = OrderFactory(customer=customers[0], placed_at=START + timedelta(days=day))
        OrderLineFactory(order=order)
    first: Customer = customers[0]
    return first


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("name", "path", "headers"),
    [
        ("customers: list", "/customers/", {}),
        ("customers: list, search", "/customers/?q=perez", {}),
        ("customers: list, short search", "/customers/?q=an", {}),
        ("customers: find, nothing exact", "/find/?q=perez", HTMX),
        ("customers: find, exact key", "/find/?q=KEY", {}),
        ("customers: profile, whole page", "/customers/{pk}/", {}),
        ("customers: orders, whole page", "/customers/{pk}/orders/", {}),
        ("customers: orders panel", "/customers/{pk}/orders/", HTMX),
        ("customers: orders panel, one open", "/customers/{pk}/orders/?order={order}", HTMX),
        ("customers: details panel", "/customers/{pk}/details/", HTMX),
        ("customers: order list", "/orders/", {}),
        ("customers: order", "/orders/{order}/", {}),
    ],
)
def test_counts(agent: Client, size: int, name: str, path: str, headers: dict[str, str]) -> None:
    customer = store_of(size)
    Customer.objects.filter(pk=customer.pk).update(external_id="KEY")
    order = customer.orders.order_by("placed_at").first()
    assert order is not None

    with assert_queries(name):
        response = agent.get(path.format(pk=customer.pk, order=order.pk), headers=headers)

    assert response.status_code in {200, 302}


def test_cu3_the_shell_alone(agent: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page without what its panel asks for."""
    customer = store_of(3)
    whole = CustomerPage.panel

    def empty_panel(
        self: CustomerPage,
        request: HttpRequest,
        customer_id: int,
        tab: str,
        template: str,
        context: Context,
    ) -> HttpResponse:
        return whole(self, request, customer_id, tab, "components/skeleton.html", {})

    monkeypatch.setattr(CustomerPage, "panel", empty_panel)

    with assert_queries("customers: profile, shell alone"):
        response = agent.get(f"/customers/{customer.pk}/details/")

    assert "skeleton" in response.content.decode()


@pytest.mark.parametrize("size", SIZES)
def test_cu_6_the_preview_of_a_claim(agent: Client, size: int) -> None:
    """As many queries for one line as for many."""
    customer = store_of(size)
    EarningRuleVersionFactory()
    order = OrderFactory(customer=None, number="G-1")
    OrderLineFactory.create_batch(size, order=order)

    with assert_queries("customers: claim, preview"):
        response = agent.get(f"/customers/{customer.pk}/claim/?number=G-1", headers=HTMX)

    assert "earns" in response.content.decode()


@pytest.mark.parametrize("size", SIZES)
def test_rw_10_refunds_add_nothing_to_the_orders_panel(agent: Client, size: int) -> None:
    """The lines bring what went back of them, the entries what was taken back."""
    customer = store_of(size)
    for order in customer.orders.all():
        refund(order, at=timezone.now())

    with assert_queries("customers: orders panel"):
        response = agent.get(f"/customers/{customer.pk}/orders/", headers=HTMX)

    assert "Refunded" in response.content.decode()
