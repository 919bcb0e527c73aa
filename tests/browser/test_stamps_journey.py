"""A stamp card as an agent sees it: it fills, gives its reward, is cancelled and fills again."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from loyalty_admin.staff.models import User
from rewards.actions.redemptions import cancel_redemption
from rewards.models import Account, Redemption
from tests.factories import ReasonCodeFactory, StoreFactory, UserFactory
from tests.rewards.ledger import SYSTEM, assert_adds_up
from tests.rewards.shop import a_card_program, an_order, holder, pastry

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def account() -> Account:
    """Nine stamps of ten, by nine orders."""
    StoreFactory(code="S-1", name="Gran Vía")
    ReasonCodeFactory(code="goodwill", label="Goodwill")
    a_card_program(name="Coffee card")
    for number in range(1, 10):
        an_order(str(number), pastry("Croissant" if number % 2 else "Muffin"), on=number)
    return holder()


def test_rw_8_a_card_fills_and_gives_its_reward(
    page: Page, account: Account, come_in: Callable[[User], None]
) -> None:
    come_in(UserFactory(name="Marta"))
    page.goto(f"/customers/{account.customer_id}/")
    expect(page.locator(".facts__value").first).to_have_text("9 of 10")
    page.get_by_role("link", name="Stamps", exact=True).click()
    card = page.get_by_role("region", name="Coffee card")
    expect(card.locator(".stamps .is-on")).to_have_count(9)
    expect(card.locator(".stamps .is-on").first).to_have_attribute(
        "title", "Croissant, order #1 at Gran Vía, 1 May 2026"
    )
    expect(card).to_contain_text("1 stamp more for Free coffee")
    _adjust(page, "3")
    # The full card gave its reward, the overflow stands on the next.
    expect(card.locator(".stamps .is-on")).to_have_count(2)
    expect(page.locator(".facts__value").first).to_have_text("2 of 10")
    full = page.get_by_role("region", name="Full cards")
    full.locator("summary").click()
    expect(full).to_contain_text("Outstanding")
    expect(full).to_contain_text("Muffin, order #8 at Gran Vía")
    page.get_by_role("link", name="History", exact=True).click()
    expect(page.locator(".table tbody tr").first).to_contain_text("Card 1 full: Free coffee")
    assert_adds_up()


def test_rw_8_a_cancelled_card_lies_full_until_the_next_stamp(
    page: Page, account: Account, come_in: Callable[[User], None]
) -> None:
    an_order("10")
    card = Redemption.objects.get()
    cancel_redemption(actor=SYSTEM, redemption_id=card.pk, idempotency_key="cancel")
    come_in(UserFactory(name="Marta"))
    page.goto(f"/customers/{account.customer_id}/stamps/")
    expect(page.locator(".facts__value").first).to_have_text("10 of 10")
    expect(page.locator("#panel")).to_contain_text("Full: with the next stamp it gives Free coffee")
    expect(page.locator("#panel")).to_contain_text("Cancelled")
    _adjust(page, "1")
    expect(page.locator(".facts__value").first).to_have_text("1 of 10")
    expect(page.get_by_role("region", name="Full cards")).to_contain_text("Card 2")


@pytest.mark.parametrize("width", [360, 2560])
def test_the_card_fits_every_screen(
    page: Page, account: Account, come_in: Callable[[User], None], width: int
) -> None:
    come_in(UserFactory())
    page.set_viewport_size({"width": width, "height": 800})
    for query in ("", "?show=history"):
        page.goto(f"/customers/{account.customer_id}/stamps/{query}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def _adjust(page: Page, amount: str) -> None:
    page.get_by_role("link", name="Adjust balance").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Amount").fill(amount)
    dialog.get_by_label("Reason").select_option("Goodwill")
    dialog.get_by_role("button", name="Save adjustment").click()
    expect(dialog).to_have_count(0)
