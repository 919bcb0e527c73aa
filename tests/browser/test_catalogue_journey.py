"""A store admin puts a reward on sale: an offer, the reward with its picture, a second thought."""

from __future__ import annotations

import pytest
from playwright.sync_api import FilePayload, Page, expect

from discounts.models import Offer
from loyalty_admin.staff.models import User
from rewards.models import Reward
from tests.browser.conftest import sign_in
from tests.factories import ProgramFactory, UserFactory
from tests.rewards.pictures import a_picture

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def _make_offer(page: Page) -> None:
    page.get_by_role("link", name="Offers").click()
    page.get_by_role("link", name="New offer").click()
    page.get_by_label("Name").fill("Ten off coffee")
    page.get_by_label("Value").fill("10")
    page.get_by_label("Takes off at most").fill("20")
    page.get_by_label("From a basket of").fill("30")
    page.get_by_label("Categories").fill("COFFEE")
    page.get_by_label("Codes begin with").fill("gld")
    said = "10 % off, at most €20.00, from €30.00, on COFFEE, usable once within 90 days"
    expect(page.locator("#preview")).to_contain_text(said)
    expect(page.locator("#preview")).to_contain_text("GLD-7KQ4-M2XP-9RTVW")
    page.get_by_role("button", name="Save offer").click()
    expect(page.locator("main")).to_contain_text(said)


def _make_reward(page: Page) -> None:
    page.get_by_role("link", name="Rewards", exact=True).click()
    page.get_by_role("link", name="New reward").click()
    page.get_by_label("Program", exact=True).select_option(label="Points (points)")
    page.get_by_label("Name").fill("Ten percent off coffee")
    page.get_by_label("Cost").fill("500")
    page.get_by_label("Codes are made from the offer").select_option(label="Ten off coffee")
    page.get_by_label("Stock").fill("80")
    _choose_picture(page, b"no picture")
    expect(page.locator("#preview")).to_contain_text("From now on it costs 500 points")
    page.get_by_role("button", name="Save reward").click()
    expect(page.get_by_text("This is no PNG, JPEG or WebP picture.")).to_be_visible()
    expect(page.get_by_label("Stock")).to_have_value("80")
    _choose_picture(page, a_picture())
    page.get_by_role("button", name="Save reward").click()
    shown = page.get_by_alt_text("Picture of Ten percent off coffee")
    expect(shown).to_be_visible()
    assert shown.evaluate("image => image.naturalWidth") == 60


def _choose_picture(page: Page, content: bytes) -> None:
    picture: FilePayload = {"name": "mug.png", "mimeType": "image/png", "buffer": content}
    page.get_by_label("Picture").set_input_files(files=[picture])


def test_rw_6_a_reward_is_put_on_sale_and_taken_off_again(page: Page) -> None:
    ProgramFactory(name="Points")
    admin: User = UserFactory(name="Sofía", store_admin=True)
    sign_in(page, admin)
    _make_offer(page)
    _make_reward(page)

    page.get_by_role("link", name="Edit").click()
    page.get_by_label("Cost").fill("400")
    expect(page.locator("#preview")).to_contain_text("From now on it costs 400 points")
    page.get_by_role("button", name="Save reward").click()
    expect(page.locator("aside")).to_contain_text("500")
    page.get_by_role("button", name="Switch off").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Off")
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("On")

    reward = Reward.objects.get()
    assert (reward.cost, reward.stock, reward.is_active) == (400, 80, True)
    assert reward.offer == Offer.objects.get()
