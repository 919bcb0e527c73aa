"""Spending a balance on a reward, handing the code over, and cancelling what was an accident."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from customers.models import Customer
from discounts.models import DiscountCode
from loyalty_admin.staff.models import User
from rewards.models import Account, Redemption
from tests.factories import CustomerFactory, ProgramFactory, TierFactory, UserFactory
from tests.rewards.ledger import account_of, adjust, assert_adds_up
from tests.rewards.redemptions import a_code_reward, a_reward, redeem

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

Enter = Callable[[User], None]


@pytest.fixture
def account(come_in: Enter) -> Account:
    """Ana with 1,740 points in three lots, in a program with five rewards; Marta is signed in."""
    come_in(UserFactory(name="Marta"))
    program = ProgramFactory(name="Points")
    customer: Customer = CustomerFactory(name="Ana Pérez", document="12345678Z")
    account = account_of(program=program, customer=customer)
    for amount, days in ((200, 30), (200, 100), (1340, None)):
        adjust(account, amount, expires_in_days=days)
    a_code_reward(program, 500)
    a_reward(program, 300, name="Mug", description="Stoneware, 0.3 l", stock=12)
    a_reward(program, 2000, name="Espresso machine")
    a_reward(program, 100, name="Tote bag", stock=0)
    a_reward(program, 50, name="Early access", minimum_tier=TierFactory(program=program))
    return account


def _open_spend(page: Page, account: Account) -> None:
    page.goto(f"/customers/{account.customer_id}/")
    page.get_by_role("link", name="Spend", exact=True).click()
    expect(page.get_by_role("dialog")).to_contain_text("The balance is 1,740 points.")


def test_spend_balance_on_a_reward_and_cancel_the_redemption(page: Page, account: Account) -> None:
    _open_spend(page, account)
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("radio", name="Espresso machine")).to_be_disabled()
    expect(dialog).to_contain_text("260 points missing")
    expect(dialog).to_contain_text("Sold out")
    expect(dialog.get_by_role("textbox", name="Amount")).to_be_hidden()

    dialog.get_by_role("radio", name="€5 off").check()
    preview = dialog.locator("#preview")
    expect(preview).to_contain_text("Balance 1,740 → 1,240 points")
    expect(preview).to_contain_text("A new code for “€5 off”, usable until")
    dialog.get_by_role("button", name="Spend points").click()
    toast = page.locator(".toast")
    expect(toast).to_contain_text("balance 1,740 → 1,240.")
    code = DiscountCode.objects.get().code
    toast.get_by_role("button", name="Copy").click()
    assert page.evaluate("navigator.clipboard.readText()") == code
    expect(page.locator(".facts__value").first).to_have_text("1,240")

    page.get_by_role("link", name="Activity").click()
    line = page.locator("#timeline article", has_text="Redeemed 500 points for €5 off")
    expect(line).to_contain_text(code)
    line.get_by_role("link", name="Cancel redemption").click()
    expect(dialog).to_contain_text("500 points return: balance 1,240 → 1,740")
    dialog.get_by_label("Reason").fill("By accident")
    dialog.get_by_role("button", name="Cancel redemption").click()
    expect(page.locator(".toast").last).to_contain_text("500 points returned")
    expect(page.locator(".facts__value").first).to_have_text("1,740")
    expect(page.locator("#timeline")).to_contain_text("Redemption cancelled: €5 off")
    assert DiscountCode.objects.get().status == "voided"
    assert_adds_up()


def test_units_used_at_the_counter_are_the_second_choice(page: Page, account: Account) -> None:
    _open_spend(page, account)
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("radio", name="Used at the counter").check()
    dialog.get_by_role("textbox", name="Amount").fill("40")
    expect(dialog.locator("#preview")).to_contain_text("Balance 1,740 → 1,700 points")
    dialog.get_by_role("button", name="Spend points").click()
    toast = page.locator(".toast")
    expect(toast).to_contain_text("Spent 40 points: balance 1,740 → 1,700.")
    toast.get_by_role("button", name="Undo").click()
    expect(page.locator(".toast").last).to_contain_text("balance 1,700 → 1,740")
    assert_adds_up()


def test_rewards_are_found_marked_used_and_opened_again(page: Page, account: Account) -> None:
    redemption = redeem(account, a_code_reward(account.program, 100, name="€1 off"))
    assert redemption.code is not None
    page.goto("/redemptions/")
    page.get_by_role("searchbox", name=re.compile("^Code, document")).fill("12345678-z")
    page.wait_for_url("**/redemptions/?q=12345678-z*")
    row = page.locator("tr", has_text="Ana Pérez")
    expect(row).to_contain_text(redemption.code.code)
    row.get_by_role("button", name="Mark used").click()
    toast = page.locator(".toast")
    expect(toast).to_contain_text("“€1 off” marked as used.")
    expect(row).to_contain_text("Not used after all")
    toast.get_by_role("button", name="Undo").click()
    expect(row).to_contain_text("Mark used")
    page.get_by_label("Status").select_option("used")
    expect(page.locator("#redemptions")).to_contain_text("No redemption found")

    page.goto(f"/customers/{account.customer_id}/rewards/")
    row = page.locator("tr", has_text="€1 off")
    row.get_by_role("link", name="Remove").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Remove reward").click()
    expect(dialog).to_contain_text("Say why it is taken away.")
    dialog.get_by_label("Reason").fill("Given to the wrong person")
    dialog.get_by_role("button", name="Remove reward").click()
    expect(row).to_contain_text("Removed")
    assert Redemption.objects.get().status == "cancelled"
    assert_adds_up()
