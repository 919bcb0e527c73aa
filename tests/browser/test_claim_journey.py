"""Missing points: a guest order is found, shown, claimed in two clicks, and undone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from customers.models import Customer, Order
from loyalty_admin.staff.models import User
from rewards.models import Account
from tests.browser.conftest import sign_in
from tests.customers.coming_back import refund, sell_lines
from tests.customers.drafts import a_line
from tests.factories import (
    CustomerFactory,
    EarningRuleFactory,
    EarningRuleVersionFactory,
    ProgramFactory,
    UserFactory,
)
from tests.rewards.ledger import assert_adds_up, debit

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PLACED = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def ana() -> Customer:
    """A member in a program with a point per euro."""
    rule = EarningRuleFactory(program=ProgramFactory(), name="1 point per euro")
    EarningRuleVersionFactory(rule=rule)
    customer: Customer = CustomerFactory(name="Ana Pérez", external_id="HH-0900")
    return customer


@pytest.fixture
def guest_order(ana: Customer) -> Order:
    """A guest checkout of 62.40."""
    lines = [
        a_line(sku="A", product="Coffee beans", total=Decimal("40.20")),
        a_line(sku="B", product="Grinder", total=Decimal("22.20")),
    ]
    return sell_lines(*lines, number="10433", customer_external_id=None, placed_at=PLACED)


def test_cu_6_an_order_is_claimed_in_two_clicks_and_undone(
    page: Page, come_in: Callable[[User], None], ana: Customer, guest_order: Order
) -> None:
    sign_in(page, UserFactory(name="Marta"))
    page.goto(f"/customers/{ana.pk}/")
    page.evaluate("window.sameDocument = true")
    page.get_by_role("link", name="Claim an order").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Order number").fill("999")
    dialog.get_by_role("button", name="Find order").click()
    expect(dialog.locator("#claim_number_error")).to_contain_text("There is no order with")
    dialog.get_by_label("Order number").fill("#10433")
    dialog.get_by_role("button", name="Find order").click()
    expect(dialog.locator("#preview")).to_contain_text("Ana Pérez earns 62 points")
    expect(dialog).to_contain_text("Grinder")
    assert not Account.objects.exists()
    dialog.get_by_role("button", name="Claim order").click()
    expect(page.locator(".toast")).to_contain_text("Ana Pérez earned 62 points")
    expect(dialog).to_have_count(0)
    expect(page.locator("#timeline")).to_contain_text("Order claimed")
    assert page.evaluate("window.sameDocument") is True
    assert Account.objects.get().balance == 62
    page.locator(".toast").get_by_role("button", name="Undo").click()
    expect(page.locator("#timeline")).to_contain_text("Claim undone")
    assert Account.objects.get().balance == 0
    guest_order.refresh_from_db()
    assert guest_order.customer is None
    assert_adds_up()


def test_cu_6_without_javascript_it_can_be_done(
    browser: Browser, live_server: LiveServer, ana: Customer, guest_order: Order
) -> None:
    context = browser.new_context(java_script_enabled=False, base_url=live_server.url)
    page = context.new_page()
    sign_in(page, UserFactory())
    page.goto("/orders/?number=10433")
    page.get_by_role("link", name="Claim order #10433 for a customer").click()
    page.locator("#claim_for_q").fill("perez")
    page.get_by_role("button", name="Find customer").click()
    page.get_by_role("link", name="Ana Pérez").click()
    page.get_by_role("button", name="Claim order").click()
    expect(page.locator(".toast").first).to_contain_text("Ana Pérez earned 62 points")
    assert Account.objects.get().balance == 62
    context.close()


def test_cu_7_a_member_is_taken_out_and_enrolled_again(
    page: Page, come_in: Callable[[User], None], ana: Customer
) -> None:
    come_in(UserFactory())
    page.goto(f"/customers/{ana.pk}/")
    page.get_by_role("button", name="More").click()
    page.get_by_role("link", name="Take out of the programme").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.locator("#preview")).to_contain_text("Nothing is deleted")
    dialog.get_by_label("Reason").fill("moved away")
    dialog.get_by_role("button", name="Take out").click()
    expect(page.locator(".page-head__notice")).to_contain_text("balances, rewards and codes stand")
    expect(page.get_by_role("link", name="Adjust balance")).to_have_count(0)
    page.get_by_role("link", name="Enrol again").click()
    dialog.get_by_label("Birth date").fill("1985-03-31")
    dialog.get_by_role("button", name="Enrol again").click()
    expect(page.locator(".toast").first).to_contain_text("Ana Pérez is a member.")
    expect(page.locator(".page-head__notice")).to_have_count(0)
    ana.refresh_from_db()
    assert ana.status == Customer.Status.MEMBER


def test_rw_10_the_orders_tab_says_what_a_refund_took_back_and_what_not(
    page: Page, come_in: Callable[[User], None], ana: Customer
) -> None:
    lines = [
        a_line(sku=name, product=name, total=Decimal(cost))
        for name, cost in (("Beans", "37.00"), ("Cups", "5.00"), ("Grinder", "20.00"))
    ]
    order = sell_lines(*lines, number="10434", customer_external_id="HH-0900", placed_at=PLACED)
    debit(Account.objects.get(), 42)
    refund(order, 2, 3, at=PLACED)
    come_in(UserFactory())
    page.goto(f"/customers/{ana.pk}/orders/?order={order.pk}")
    shown = page.locator(f"#order-{order.pk}")
    expect(shown).to_contain_text("Partly refunded")
    expect(shown).to_contain_text(
        "Earned 62 points, taken back 20 points; 5 points could not be taken back because they "
        "had been spent."
    )
    expect(shown.get_by_role("row", name="Grinder")).to_contain_text("20 points taken back")
    page.goto(f"/customers/{ana.pk}/activity/")
    expect(page.locator("#timeline")).to_contain_text("Order refunded in part: €25.00")
    expect(page.locator("#timeline")).to_contain_text("20 points taken back")
