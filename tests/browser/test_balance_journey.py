"""The first whole job: find by order number, adjust, see it everywhere, undo it."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from playwright.sync_api import Page, expect

from activity.models import AuditRecord
from customers.actions.orders import record_order
from customers.models import Customer
from loyalty_admin.staff.models import User
from rewards.models import Account, Operation
from tests.browser.conftest import sign_in
from tests.customers.drafts import a_draft, a_line
from tests.factories import (
    ContactPointFactory,
    CustomerFactory,
    EarningRuleFactory,
    EarningRuleVersionFactory,
    ProgramFactory,
    ReasonCodeFactory,
    StoreFactory,
    UserFactory,
)
from tests.rewards.ledger import SYSTEM, assert_adds_up

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def household() -> Customer:
    """A member with one order of 62.40 that earned 62 points."""
    program = ProgramFactory(name="Points", unit_value=Decimal("0.01"))
    EarningRuleVersionFactory(rule=EarningRuleFactory(program=program, name="1 point per euro"))
    ReasonCodeFactory(code="guest-checkout", label="Guest checkout")
    customer: Customer = CustomerFactory(name="Ana Pérez", external_id="HH-0900")
    ContactPointFactory(customer=customer, value="ana.perez@example.com")
    store = StoreFactory(code="ST-330", name="Gran Vía")
    record_order(
        actor=SYSTEM,
        draft=a_draft(
            number="31198570044",
            store=store.code,
            customer_external_id="HH-0900",
            placed_at=datetime(2026, 3, 1, 12, tzinfo=UTC),
            lines=[a_line(total=Decimal("40.20")), a_line(total=Decimal("22.20"))],
        ),
        idempotency_key="order-1",
    )
    return customer


@pytest.fixture
def agent() -> User:
    """Marta, on the phone."""
    user: User = UserFactory(name="Marta")
    return user


def test_find_adjust_see_and_undo(page: Page, household: Customer, agent: User) -> None:
    sign_in(page, agent)
    _find_by_order_number(page)
    _adjust(page, "+40")
    expect(page.locator(".toast")).to_contain_text("balance 62 → 102")
    _sees_it_everywhere(page)

    loads = page.evaluate("performance.getEntriesByType('navigation')[0].startTime")
    page.locator(".toast").get_by_role("button", name="Undo").click()
    expect(page.locator(".toast").last).to_contain_text("balance 102 → 62")
    expect(page.locator(".facts__value").first).to_have_text("62")
    expect(page.locator("#timeline")).to_contain_text("Adjustment undone: −40 points")
    assert page.evaluate("performance.getEntriesByType('navigation')[0].startTime") == loads
    assert Account.objects.get().balance == 62
    verbs = set(AuditRecord.objects.filter(customer=household).values_list("verb", flat=True))
    assert {"ledger.adjusted", "ledger.reversed"} <= verbs
    assert_adds_up()


def _find_by_order_number(page: Page) -> None:
    page.keyboard.press("Control+k")
    page.keyboard.type("31198570044")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Ana Pérez")
    expect(page.locator(".facts__value").first).to_have_text("62")
    page.get_by_role("link", name="Activity").click()
    expect(page.locator("#timeline")).to_contain_text("31198570044")


def _adjust(page: Page, amount: str) -> None:
    page.evaluate("window.sameDocument = true")
    page.get_by_role("link", name="Adjust balance").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Amount").fill(amount)
    dialog.get_by_label("Reason").select_option("Guest checkout")
    dialog.get_by_label("Internal note").fill("guest checkout of #10433")
    dialog.get_by_label("Comment for the customer").fill("We found your order")
    dialog.get_by_label("Days until a credit expires").fill("365")
    expect(dialog.locator("#preview")).to_contain_text("Balance 62 → 102 points")
    expect(dialog.locator("#preview")).to_contain_text("Cost €0.40")
    dialog.get_by_role("button", name="Save adjustment").click()
    expect(dialog).to_have_count(0)


def _sees_it_everywhere(page: Page) -> None:
    """Balance, timeline and history change in the same document."""
    expect(page.locator(".facts__value").first).to_have_text("102")
    expect(page.locator("#timeline")).to_contain_text("Points adjusted by +40")
    expect(page.locator("#timeline")).to_contain_text("guest checkout of #10433")
    page.get_by_role("link", name="Points", exact=True).click()
    expect(page.locator(".table tbody tr").first).to_contain_text("We found your order")
    page.get_by_role("link", name="Activity").click()
    expect(page.locator("#timeline")).to_be_visible()
    assert page.evaluate("window.sameDocument") is True


def test_a_debit_too_large_is_refused_beside_the_field(
    page: Page, household: Customer, agent: User
) -> None:
    sign_in(page, agent)
    page.goto(f"/customers/{household.pk}/")
    page.get_by_role("link", name="Adjust balance").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Amount").fill("−1,000,000")
    dialog.get_by_label("Reason").select_option("Guest checkout")
    dialog.get_by_label("Internal note").fill("typed with care")
    dialog.get_by_role("button", name="Save adjustment").click()
    error = dialog.locator("#balance_amount_error")
    expect(error).to_contain_text("The balance is 62 points; 1,000,000 can't be taken from it.")
    expect(dialog.get_by_label("Amount")).to_have_value("−1,000,000")
    expect(dialog.get_by_label("Amount")).to_have_attribute("aria-invalid", "true")
    expect(dialog.get_by_label("Internal note")).to_have_value("typed with care")
    assert Account.objects.get().balance == 62


def test_a_double_click_and_the_back_button_act_once(
    page: Page, household: Customer, agent: User
) -> None:
    sign_in(page, agent)
    page.goto(f"/customers/{household.pk}/adjust/")
    page.get_by_label("Amount").fill("+40")
    page.get_by_label("Reason").select_option("Guest checkout")
    page.get_by_role("button", name="Save adjustment").dblclick()
    expect(page.locator(".toast").first).to_contain_text("balance 62 → 102")
    manual = Operation.objects.filter(kind=Operation.Kind.ADJUST)
    assert manual.count() == 1
    page.go_back()
    # A browser that kept the page sends the same key again; one that loads it gets a new form.
    kept = page.locator("input[name=idempotency_key]").input_value() in manual.values_list(
        "idempotency_key", flat=True
    )
    page.get_by_label("Amount").fill("+40")
    page.get_by_label("Reason").select_option("Guest checkout")
    page.get_by_role("button", name="Save adjustment").click()
    expect(page.locator(".toast").first).to_contain_text("balance")
    assert Account.objects.get().balance == (102 if kept else 142)
    assert_adds_up()


def test_without_javascript_the_job_can_be_done(
    browser: object, live_server: object, household: Customer, agent: User
) -> None:
    context = browser.new_context(java_script_enabled=False, base_url=live_server.url)  # type: ignore[attr-defined]
    page = context.new_page()
    sign_in(page, agent)
    page.goto(f"/customers/{household.pk}/")
    page.get_by_role("link", name="Adjust balance").click()
    page.get_by_label("Amount").fill("+40")
    page.get_by_label("Reason").select_option("Guest checkout")
    page.get_by_role("button", name="Save adjustment").click()
    expect(page.locator(".toast").first).to_contain_text("balance 62 → 102")
    page.locator(".toast").get_by_role("button", name="Undo").first.click()
    expect(page.locator(".toast").first).to_contain_text("balance 102 → 62")
    assert Account.objects.get().balance == 62
    context.close()


def test_explain_reads_as_sentences_and_copies(
    page: Page, household: Customer, agent: User
) -> None:
    sign_in(page, agent)
    page.goto(f"/customers/{household.pk}/points/")
    page.get_by_role("link", name="Explain this balance").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("you have 62 points")
    dialog.get_by_label("On").fill("2026-02-01")
    expect(dialog).to_contain_text("At the end of 1 Feb 2026 you had 0 points.")
    dialog.get_by_role("button", name="Copy the text").click()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("At the end of 1 Feb 2026 you had 0 points.")
