"""A tier changed with its rewards: seen everywhere at once, and undone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from activity.models import AuditRecord
from loyalty_admin.staff.models import User
from rewards.models import Account, Redemption
from tests.browser.conftest import sign_in
from tests.factories import RewardFactory, UserFactory
from tests.rewards.ladders import a_climber, a_ladder, stands_on, tier
from tests.rewards.ledger import adjust, assert_adds_up, balance_of

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

ComeIn = Callable[[User], None]


@pytest.fixture
def climber() -> Account:
    """Ana, who has earned Silver; Gold gives 50 points and a cake."""
    program = a_ladder(name="Points")
    cake = RewardFactory(program=program, name="Cake")
    tier(program, "Gold", entry_units=50, entry_reward=cake)
    account = a_climber(program, customer__name="Ana Pérez")
    adjust(account, 120)
    return account


def test_rw_11_change_a_tier_with_its_rewards_see_it_and_undo_it(
    page: Page, climber: Account, come_in: ComeIn
) -> None:
    come_in(UserFactory(name="Marta"))
    page.goto(f"/customers/{climber.customer_id}/")
    page.evaluate("window.sameDocument = true")
    expect(page.locator("#customer-chips")).to_have_text("Silver")
    expect(page.locator(".strip")).to_contain_text("380 points more to Gold")

    page.get_by_role("link", name="Change tier").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Gold", exact=False).check()
    dialog.get_by_label("Until").fill("2099-12-04")
    dialog.get_by_label("Internal note").fill("asked by the shop")
    dialog.get_by_label("Give the rewards of the tier").check()
    preview = dialog.locator("#preview")
    expect(preview).to_contain_text("Silver → Gold, at least until 4 Dec 2099")
    expect(preview).to_contain_text("Gold gives 50 points and “Cake”")
    dialog.get_by_role("button", name="Change tier").click()
    expect(dialog).to_have_count(0)
    expect(page.locator(".toast")).to_contain_text("Silver → Gold. Given: 50 points, “Cake”.")
    expect(page.locator("#customer-chips")).to_have_text("Gold")
    expect(page.locator(".strip")).to_contain_text("until 4 Dec 2099")
    expect(page.locator("#timeline")).to_contain_text("Tier changed by hand: Silver → Gold")
    assert (stands_on(climber), balance_of(climber)) == ("Gold", 170)

    page.locator(".toast").get_by_role("button", name="Undo").click()
    expect(page.locator(".toast").last).to_contain_text("the tier is Silver again")
    expect(page.locator("#customer-chips")).to_have_text("Silver")
    expect(page.locator("#timeline")).to_contain_text("Took back 50 points, “Cake”")
    assert page.evaluate("window.sameDocument") is True
    assert (stands_on(climber), balance_of(climber)) == ("Silver", 120)
    assert Redemption.objects.get().status == Redemption.Status.CANCELLED
    assert AuditRecord.objects.filter(verb="tier.changed", actor_label="Marta").count() == 2
    assert_adds_up()


def test_rw_11_a_refusal_stands_beside_the_tiers_and_the_history_opens(
    page: Page, climber: Account, come_in: ComeIn
) -> None:
    come_in(UserFactory())
    adjust(climber, 400)
    page.goto(f"/customers/{climber.customer_id}/")
    page.get_by_role("link", name="Change tier").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Silver", exact=False).check()
    dialog.get_by_label("Internal note").fill("typed with care")
    expect(dialog.locator("#preview")).to_contain_text("Gold has been earned")
    dialog.get_by_role("button", name="Change tier").click()
    expect(dialog.locator("#tier_tier_error")).to_contain_text("Gold has been earned")
    expect(dialog.get_by_label("Internal note")).to_have_value("typed with care")
    page.keyboard.press("Escape")
    page.locator(".strip").get_by_role("link", name="Gold").click()
    expect(page.get_by_role("dialog")).to_contain_text("points earned in a lifetime")
    expect(page.get_by_role("dialog")).to_contain_text("Silver")


def test_rw_11_without_javascript_a_tier_can_be_changed(
    browser: Any, live_server: Any, climber: Account
) -> None:
    context = browser.new_context(java_script_enabled=False, base_url=live_server.url)
    page = context.new_page()
    sign_in(page, UserFactory())
    page.goto(f"/customers/{climber.customer_id}/")
    page.get_by_role("link", name="Change tier").click()
    page.get_by_label("Platinum", exact=False).check()
    page.get_by_role("button", name="Change tier").click()
    expect(page.locator(".toast").first).to_contain_text("Silver → Platinum")
    page.locator(".toast").get_by_role("button", name="Undo").first.click()
    expect(page.locator(".toast").first).to_contain_text("the tier is Silver again")
    assert stands_on(climber) == "Silver"
    context.close()
