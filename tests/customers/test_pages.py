"""The customer pages: list, search, find anything, profile, orders."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from customers import panels
from customers.actions.customers import Identity, create_customer
from customers.find import Found, Source, _sources, register_source
from customers.models import Customer
from customers.selectors import ORDERS_SIZE, Total
from customers.tables import in_words
from loyalty_admin.common.actor import Actor
from tests.factories import (
    ContactPointFactory,
    CustomerFactory,
    OrderFactory,
    OrderLineFactory,
    ProgramFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

START = datetime(2026, 1, 1, tzinfo=UTC)
HTMX = {"HX-Request": "true"}


@pytest.fixture
def agent(client: Client) -> Client:
    client.force_login(UserFactory())
    return client


def text_of(response: Any) -> str:
    return str(response.content.decode())


# --- list ---------------------------------------------------------------------------------------


def test_cu1_newest_joiners_first_with_contact_and_status(agent: Client) -> None:
    for day in range(3):
        customer = CustomerFactory(name=f"Customer {day}")
        joined = customer.joined_at + timedelta(days=day)
        Customer.objects.filter(pk=customer.pk).update(joined_at=joined)
    ContactPointFactory(customer=customer, state="blocked", value="ana@example.com")

    response = agent.get("/customers/")

    page = text_of(response)
    assert page.index("Customer 2") < page.index("Customer 1") < page.index("Customer 0")
    assert "ana@example.com" in page
    assert "(Blocked)" in page


def test_cu1_pages_lead_to_the_oldest_and_back(agent: Client) -> None:
    CustomerFactory.create_batch(60)

    first = agent.get("/customers/")
    second = agent.get(first.context["page"]["older_url"])
    back = agent.get(second.context["page"]["newer_url"])

    assert len(first.context["table"].rows) == 50
    assert len(second.context["table"].rows) == 10
    assert not second.context["page"]["has_older"]
    assert back.context["table"].rows == first.context["table"].rows


def test_page_and_fragment_show_the_same_rows(agent: Client) -> None:
    CustomerFactory(name="Ana Pérez")

    page, fragment = agent.get("/customers/"), agent.get("/customers/", headers=HTMX)

    assert "<html" in text_of(page)
    assert "<html" not in text_of(fragment)
    assert "Ana Pérez" in text_of(fragment)
    assert "HX-Request" in fragment["Vary"]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("/customers/", "No customers yet"),
        ("/customers/?q=garcia", "Nothing found for “garcia”"),
        ("/customers/?q=zz", "Type three letters"),
        ("/customers/?q=%3Cscript%3E", "Nothing found for “&lt;script&gt;”"),
        ("/orders/", "No orders yet"),
        ("/orders/?number=%2377", "No: there is no order with the number 77"),
        ("/find/", "What are you looking for?"),
        ("/find/?q=nobody", "Nothing found for “nobody”"),
    ],
)
def test_empty_states_say_what_to_do(agent: Client, url: str, said: str) -> None:
    response = agent.get(url)

    assert response.status_code == 200
    assert said in text_of(response)


@pytest.mark.parametrize("path", ["/customers/", "/orders/", "/customers/?q=perez"])
def test_a_damaged_page_link_says_so(agent: Client, path: str) -> None:
    CustomerFactory(name="Pérez")
    joint = "&" if "?" in path else "?"

    response = agent.get(f"{path}{joint}after=nonsense")

    assert response.status_code == 400
    assert "damaged" in text_of(response)


def test_a_search_counts_what_it_found(agent: Client) -> None:
    CustomerFactory.create_batch(2, name="Ana Pérez")
    CustomerFactory(name="Else")

    assert "2 customers found" in text_of(agent.get("/customers/?q=perez"))


@pytest.mark.parametrize(
    ("total", "words"),
    [
        (Total(2469, exact=True), "2,469"),
        (Total(123_456, exact=False), "about 123,000"),
        (Total(1_019_876, exact=False), "about 1.02 million"),
    ],
)
def test_large_totals_are_about(total: Total, words: str) -> None:
    assert in_words(total) == words


# --- find anything ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "typed", ["H-1042", "12345678Z", "ana.perez@example.com", "612 345 678", "+34612345678"]
)
def test_cu2_an_exact_key_goes_straight_to_the_profile(agent: Client, typed: str) -> None:
    CustomerFactory(name="Somebody Else")
    ana = create_customer(
        actor=Actor.system("test"),
        identity=Identity(name="Ana", external_id="H-1042", document="12345678Z"),
        email="ana.perez@example.com",
        phone="612345678",
    )

    response = agent.get("/find/", {"q": typed})

    assert (response.status_code, response["Location"]) == (302, f"/customers/{ana.pk}/")


@pytest.mark.parametrize("typed", ["10482", "#10482", " 10482 "])
def test_cu2_an_order_number_goes_to_the_customers_orders(agent: Client, typed: str) -> None:
    order = OrderFactory(number="10482")

    response = agent.get("/find/", {"q": typed})

    url = f"/customers/{order.customer_id}/orders/?order={order.pk}#order-{order.pk}"
    assert response["Location"] == url


def test_cu2_the_order_of_nobody_goes_to_its_own_page(agent: Client) -> None:
    order = OrderFactory(number="10482", customer=None)

    response = agent.get("/find/", {"q": "10482"})

    assert response["Location"] == f"/orders/{order.pk}/"


def test_cu2_several_exact_hits_are_listed(agent: Client) -> None:
    CustomerFactory(name="By Id", external_id="77")
    OrderFactory(number="77", customer__name="By Order")

    page = text_of(agent.get("/find/", {"q": "77"}))

    assert "By Id" in page
    assert "By Order" in page


def test_cu2_the_box_suggests_and_never_redirects(agent: Client) -> None:
    CustomerFactory(name="Ana Pérez", external_id="H-1")
    CustomerFactory(name="Bea Pérez")

    exact = agent.get("/find/", {"q": "H-1"}, headers=HTMX)
    similar = agent.get("/find/", {"q": "perez"}, headers=HTMX)

    assert exact.status_code == 200
    assert text_of(exact).count('class="result"') == 1
    assert text_of(similar).count('class="result"') == 2


def test_cu2_higher_apps_add_sources(agent: Client) -> None:
    found = [Found(url="/codes/1/", title="GLD-7KQ4")]
    register_source(
        Source("codes", "customers.view", lambda query: found if query.text == "GLD-7KQ4" else [])
    )
    register_source(Source("hidden", "nobody.may", lambda query: found * 2))

    try:
        response = agent.get("/find/", {"q": "GLD-7KQ4"})
    finally:
        del _sources["codes"], _sources["hidden"]

    assert response["Location"] == "/codes/1/"


# --- profile ------------------------------------------------------------------------------------


@pytest.mark.parametrize("tab", ["profile", "orders", "details"])
def test_cu3_every_tab_is_a_whole_page_with_its_panel(agent: Client, tab: str) -> None:
    ProgramFactory()
    customer = CustomerFactory(name="Ana Pérez", document="12345678Z")
    ContactPointFactory(customer=customer, phone=True, value="+34612345678", state="opted_out")

    page = text_of(agent.get(reverse(f"customers:{tab}", args=[customer.pk])))

    assert "<h1" in page
    assert "+34 612 34 56 78" in page
    assert "(Opted out)" in page
    assert 'class="facts"' in page
    assert f'data-panel="{"activity" if tab == "profile" else tab}"' in page
    assert page.count('aria-current="page"') == 2  # in the navigation and among the tabs


def test_cu3_htmx_gets_the_panel_alone(agent: Client) -> None:
    customer = CustomerFactory()

    panel = text_of(agent.get(f"/customers/{customer.pk}/details/", headers=HTMX))

    assert "<h1" not in panel
    assert 'data-panel="details"' in panel
    assert 'hx-trigger="contact-changed from:body"' in panel


@pytest.mark.parametrize("path", ["", "activity/", "orders/", "details/", "balances/"])
@pytest.mark.parametrize("headers", [{}, HTMX])
def test_an_unknown_customer_is_not_found(agent: Client, path: str, headers: Any) -> None:
    assert agent.get(f"/customers/999/{path}", headers=headers).status_code == 404


def test_cu3_pieces_are_for_those_who_may(client: Client) -> None:
    client.force_login(UserFactory(auditor=True))
    customer = CustomerFactory()
    panels.register_verb(
        panels.Verb(
            key="test", label="Look only", icon="eye", url_name="customers:details",
            permission="customers.view", offered=lambda customer: customer.status != "member",
        )
    )  # fmt: skip

    try:
        page = text_of(client.get(f"/customers/{customer.pk}/"))
        Customer.objects.filter(pk=customer.pk).update(status="guest")
        guest = text_of(client.get(f"/customers/{customer.pk}/"))
    finally:
        del panels.register_verb._pieces["test"]

    assert "Adjust balance" not in page
    assert "Look only" not in page
    assert "Look only" in guest


def test_a_part_opened_by_hand_leads_to_the_page(agent: Client) -> None:
    customer = CustomerFactory()

    response = agent.get(f"/customers/{customer.pk}/balances/")

    assert response["Location"] == f"/customers/{customer.pk}/"


def test_parts_do_not_see_the_parameters_of_the_panel(agent: Client) -> None:
    ProgramFactory()
    customer = CustomerFactory()

    response = agent.get(f"/customers/{customer.pk}/orders/?after=nonsense")

    assert response.status_code == 400
    assert 'class="facts"' in text_of(response)


# --- orders -------------------------------------------------------------------------------------


def test_cu5_orders_newest_first_with_lines(agent: Client) -> None:
    customer = CustomerFactory()
    old = OrderFactory(customer=customer, number="OLD")
    new = OrderFactory(customer=customer, number="NEW", placed_at=old.placed_at + timedelta(1))
    OrderFactory(number="STRANGER")
    OrderLineFactory(order=new, product="Moka pot", quantity="2.500", total="31.75")

    page = text_of(agent.get(f"/customers/{customer.pk}/orders/"))

    assert page.index("#NEW") < page.index("#OLD")
    assert "Moka pot" in page
    assert "€31.75" in page
    assert "STRANGER" not in page


def test_cu5_a_named_order_stands_open_on_its_page(agent: Client) -> None:
    customer = CustomerFactory()
    orders = [
        OrderFactory(customer=customer, placed_at=START + timedelta(days=day))
        for day in range(ORDERS_SIZE + 15)
    ]

    for asked in (orders[0], orders[-1]):
        response = agent.get(f"/customers/{customer.pk}/orders/", {"order": asked.pk})
        assert [one.order.pk for one in response.context["orders"] if one.open] == [asked.pk]

        assert "Show the newest" in text_of(response)
    strangers = agent.get(f"/customers/{customer.pk}/orders/", {"order": OrderFactory().pk})
    assert strangers.context["orders"][0].order == orders[-1]


@pytest.mark.parametrize("asked", ["x", "9" * 30, "-1", "0"])
def test_cu5_a_nonsense_order_is_ignored(agent: Client, asked: str) -> None:
    order = OrderFactory()

    response = agent.get(f"/customers/{order.customer_id}/orders/", {"order": asked})

    assert response.status_code == 200
    assert not any(one.open for one in response.context["orders"])


def test_cu5_does_this_invoice_exist(agent: Client) -> None:
    order = OrderFactory(number="10482")
    other = OrderFactory()

    yes = text_of(agent.get("/orders/", {"number": "#10482"}))
    no = text_of(agent.get("/orders/", {"number": "10482", "store": other.store_id}))

    assert "Yes: there is an order with the number 10482." in yes
    assert str(order.customer) in yes
    assert f"No: {other.store} has no order with the number 10482" in no


def test_the_order_form_refuses_what_is_no_store(agent: Client) -> None:
    response = agent.get("/orders/", {"number": "1", "store": "x"})

    assert response.status_code == 422
    assert 'value="1"' in text_of(response)


@pytest.mark.parametrize("customer", [None, "known"])
def test_one_order_with_its_lines(agent: Client, customer: str | None) -> None:
    order = OrderFactory(**({} if customer else {"customer": None}))
    OrderLineFactory(order=order, product="Moka pot")

    page = text_of(agent.get(f"/orders/{order.pk}/"))

    assert "Moka pot" in page
    assert ("Unknown" in page) is (customer is None)
    assert agent.get("/orders/999999/").status_code == 404


@pytest.mark.parametrize("model", ["customer", "order", "orderline"])
def test_ad5_superusers_look_at_customers_and_orders(client: Client, model: str) -> None:
    client.force_login(UserFactory(superuser=True))
    line = OrderLineFactory()
    pk = {"customer": line.order.customer_id, "order": line.order_id, "orderline": line.pk}[model]

    listed = client.get(f"/admin/customers/{model}/", {"q": str(pk)})
    shown = client.get(f"/admin/customers/{model}/{pk}/change/")
    changed = client.post(f"/admin/customers/{model}/{pk}/change/", {"name": "x"})

    assert listed.status_code == shown.status_code == 200
    assert f"/{pk}/change/" in text_of(listed)
    assert changed.status_code == 403
