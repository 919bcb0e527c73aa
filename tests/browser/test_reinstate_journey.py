"""RW-9: the customer's points expired last week; the agent gives them back while they wait."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from customers.models import Customer
from loyalty_admin.staff.models import User
from rewards.actions.warning import warn_of_expiry
from rewards.models import Account
from tests.browser.test_accessibility import check
from tests.factories import AccountFactory, CustomerFactory, ProgramFactory, UserFactory
from tests.rewards.expiry import expired, give
from tests.rewards.ledger import assert_adds_up

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

Enter = Callable[[User], None]


@pytest.fixture(name="customer")
def eva() -> Customer:
    """340 points have expired, 25 are left, of which 15 expire in three days."""
    customer: Customer = CustomerFactory(name="Eva Expired")
    account: Account = AccountFactory(customer=customer, program=ProgramFactory(name="Points"))
    give(account, 10)
    give(account, 15, timezone.now() + timedelta(days=3))
    expired(account, 340)
    list(warn_of_expiry())
    return customer


def test_rw_9_expired_points_come_back_and_can_be_taken_again(
    page: Page, customer: Customer, come_in: Enter
) -> None:
    page.emulate_media(reduced_motion="reduce")
    come_in(UserFactory(name="Marta"))
    page.goto(f"/customers/{customer.pk}/")
    timeline = page.locator("#timeline")
    expect(timeline).to_contain_text("340 points expired")
    expect(timeline).to_contain_text("15 points expire on")
    timeline.get_by_role("link", name="Reinstate", exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Reinstate 340 points?")
    expect(dialog).to_contain_text("The balance goes from 25 to 365")
    assert check(page, "reinstate") == []
    dialog.get_by_label("Internal note").fill("Was in hospital")
    dialog.get_by_role("button", name="Reinstate").click()

    expect(page.locator(".toast")).to_contain_text("340 points reinstated: balance 25 → 365.")
    expect(timeline).to_contain_text("340 points reinstated")
    expect(timeline).to_contain_text("Was in hospital")
    expect(timeline.get_by_role("link", name="Reinstate", exact=True)).to_have_count(0)
    page.locator(".toast").get_by_role("button", name="Undo").click()
    expect(page.locator(".toast").last).to_contain_text("balance 365 → 25")
    expect(timeline).to_contain_text("Reinstatement undone: −340 points")
    assert_adds_up()


def test_rw_9_the_history_offers_it_without_a_script(
    page: Page, customer: Customer, come_in: Enter
) -> None:
    come_in(UserFactory(name="Marta"))
    page.goto(f"/customers/{customer.pk}/points/?kind=expired")
    row = page.get_by_role("link", name="Reinstate", exact=True)
    expect(row).to_be_visible()
    page.goto(str(row.get_attribute("href")))
    page.get_by_role("button", name="Reinstate").click()
    expect(page.locator("body")).to_contain_text("340 points reinstated: balance 25 → 365.")
    page.goto(f"/customers/{customer.pk}/points/?kind=expired")
    expect(page.locator("table")).to_contain_text("Reinstated")
