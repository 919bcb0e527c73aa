"""A store admin makes a program, gives it a rule, starts it, adds a tier, and pauses it again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from loyalty_admin.staff.models import User
from rewards.models import EarningRuleVersion, Program, Tier
from tests.browser.conftest import sign_in
from tests.factories import (
    CustomerFactory,
    OrderFactory,
    OrderLineFactory,
    StoreFactory,
    UserFactory,
)

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def store_admin() -> User:
    """Inés, who sets things up."""
    user: User = UserFactory(store_admin=True, name="Inés")
    return user


@pytest.fixture(autouse=True)
def _sales() -> None:
    """A member who bought for 60 euros last week."""
    order = OrderFactory(
        store=StoreFactory(code="gran-via"), customer=CustomerFactory(), total=Decimal(60),
        placed_at=timezone.now() - timedelta(days=7),
    )  # fmt: skip
    for position, category in enumerate(("COFFEE", "TEA"), start=1):
        OrderLineFactory(order=order, position=position, category=category, total=Decimal(30))


def test_make_a_program_give_it_a_rule_start_and_pause_it(
    page: Page, come_in: Callable[[User], None], store_admin: User
) -> None:
    come_in(store_admin)
    page.goto("/programs/")
    page.get_by_role("link", name="Make the first program").click()
    _make_the_program(page)
    _make_the_rule(page)
    _start(page)
    _add_a_tier(page)
    _pause_and_undo(page)


def _make_the_program(page: Page) -> None:
    expect(page.get_by_label("Stamps on a card")).to_be_hidden()
    page.get_by_role("radio", name="Stamps").check()
    expect(page.get_by_label("Stamps on a card")).to_be_visible()
    page.get_by_role("radio", name="Points").check()
    page.get_by_label("Name", exact=True).fill("Club points")
    page.get_by_label("Code").fill("club-points")
    page.get_by_label("A unit is worth").fill("0,01")
    expect(page.get_by_label("After how many days")).to_be_hidden()
    page.get_by_label("Units expire").select_option("per_lot")
    page.get_by_role("button", name="Make program").click()
    error = page.locator("#id_expiry_days_error")
    expect(error).to_contain_text("Say after how many days, such as 365.")
    page.get_by_label("After how many days").fill("365")
    page.get_by_label("Tiers count").select_option("lifetime_units")
    expect(page.locator("#preview")).to_contain_text("It is a draft")
    page.get_by_role("button", name="Make program").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Club points")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Draft")


def _make_the_rule(page: Page) -> None:
    page.get_by_role("link", name="Make the first rule").click()
    page.get_by_label("Name", exact=True).fill("Coffee")
    page.get_by_label("How many units").fill("2")
    page.get_by_label("Categories").fill("COFFEE")
    preview = page.locator("#preview")
    expect(preview).to_contain_text("It will say: 2 points for each €1.00 of COFFEE")
    expect(preview).to_contain_text("60 points, worth €0.60; earned 1 times by 1 customer")
    page.get_by_label("What earns").select_option("sign_up")
    expect(page.get_by_label("Categories")).to_be_hidden()
    expect(preview).to_contain_text("2 points for signing up")
    page.get_by_label("What earns").select_option("order")
    page.get_by_role("button", name="Make rule").click()
    expect(page.locator(".toast")).to_contain_text("“Coffee” was saved")
    assert EarningRuleVersion.objects.get().categories == ["COFFEE"]


def _start(page: Page) -> None:
    page.get_by_role("link", name="Start", exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("It earns by 1 rule from now on.")
    dialog.get_by_role("button", name="Start program").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Active")


def _add_a_tier(page: Page) -> None:
    page.get_by_role("link", name="New tier").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("Gold")
    dialog.get_by_label("Begins at").fill("500")
    expect(dialog.locator("#preview")).to_contain_text("“Gold” begins at 500 points")
    dialog.get_by_role("button", name="Add tier").click()
    expect(dialog).to_have_count(0)
    expect(page.locator("#program")).to_contain_text("Tier “Gold” made")
    assert Tier.objects.get().threshold == 500


def _pause_and_undo(page: Page) -> None:
    page.get_by_role("link", name="Pause", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Pause program").click()
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_contain_text("Paused")
    assert Program.objects.get().status == "paused"
    page.locator(".toast").last.get_by_role("button", name="Undo").click()
    expect(heading).to_contain_text("Active")
    assert Program.objects.get().is_running


def test_without_javascript_all_fields_are_there_and_the_preview_is_a_button(
    browser: Browser, live_server: LiveServer, store_admin: User
) -> None:
    context = browser.new_context(java_script_enabled=False, base_url=live_server.url)
    page = context.new_page()
    sign_in(page, store_admin)
    page.goto("/programs/new/")
    page.get_by_label("Name", exact=True).fill("Club points")
    page.get_by_label("Code").fill("club-points")
    page.get_by_label("A unit is worth").fill("0.01")
    page.get_by_role("button", name="Preview").click()
    expect(page.locator("#preview")).to_contain_text("It is a draft")
    expect(page.get_by_label("Code")).to_have_value("club-points")
    assert not Program.objects.exists()
    page.get_by_role("button", name="Make program").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Club points")
    page.get_by_role("link", name="Start", exact=True).click()
    page.get_by_role("button", name="Start program").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Active")
    assert Program.objects.get().is_running
    context.close()
