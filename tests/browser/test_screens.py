"""Narrow and wide screens, and how much of a page travels."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.contrib.staticfiles import finders
from playwright.sync_api import Page, expect
from pytest_django import Settings

from loyalty_admin.staff.models import User
from tests.browser.store import a_customer, a_store, pages, pages_of_the_sign_in
from tests.factories import ContactPointFactory, UserFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

Enter = Callable[[User], None]
OVERFLOW = "document.scrollingElement.scrollWidth - innerWidth"
TRANSFERS = """["navigation", "resource"].flatMap(kind => performance.getEntriesByType(kind))
                .map(entry => [entry.name, entry.encodedBodySize])"""
HEADERS = 300
"""Bytes of the headers around each answer, about."""
FIRST_VISIT, NEXT_PAGE = 100_000, 20_000
LONG = "Maximiliana-Wilhelmina von und zu Hohenzollern-Sigmaringen-Llanfairpwllgwyngyllgogerych"


@pytest.fixture
def root(come_in: Enter) -> User:
    user: User = UserFactory(superuser=True, name="Root")
    come_in(user)
    return user


def test_nothing_scrolls_sideways(
    page: Page, root: User, settings: Settings, expected: list[str]
) -> None:
    settings.DEBUG = True  # for the style guide
    expected += ["404"]
    store = a_store(root)
    long = a_customer(LONG, "X" * 60, address="Y" * 80)
    ContactPointFactory(customer=long, value=f"{'a' * 60}@{'b' * 60}.example.com")
    urls = pages(store) | pages_of_the_sign_in()
    urls |= {"long": f"/customers/{long.pk}/details/", "long list": "/customers/?q=hohenz"}
    too_wide = {}
    for name, url in urls.items():
        response = page.goto(url)
        if not response or response.status == 404:
            continue  # what DEBUG says of those is Django's
        for width in (360, 768, 2560):
            page.set_viewport_size({"width": width, "height": 800})
            if (pixels := page.evaluate(OVERFLOW)) > 0:
                too_wide[f"{name} at {width}"] = pixels
    assert too_wide == {}


def test_a_small_screen_has_a_drawer_and_sheets(page: Page, root: User) -> None:
    store = a_store(root)
    page.emulate_media(reduced_motion="reduce")
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto("/customers/")
    expect(page.locator("#nav")).to_be_hidden()
    page.get_by_role("button", name="Open the navigation").click()
    expect(page.locator("#nav")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#nav")).to_be_hidden()

    page.goto(f"/customers/{store['customer_id']}/")
    page.get_by_role("link", name="Adjust balance").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Save adjustment")).to_be_in_viewport()
    box = dialog.bounding_box()
    assert box
    assert (box["x"], box["width"]) == (0, 360)
    assert box["y"] + box["height"] == pytest.approx(740, abs=1)
    assert page.evaluate(OVERFLOW) <= 0


def test_pages_are_light(page: Page, root: User) -> None:
    """What production sends: static files compressed as WhiteNoise does, once; pages by Django."""
    store = a_store(root)
    for number in range(60):
        a_customer(f"Customer {number}", f"W-{number}")
    profile, listing = f"/customers/{store['customer_id']}/", "/customers/"
    for url in (profile, listing, "/orders/"):
        page.goto(url)
        page.wait_for_load_state("networkidle")
        static, rest = 0, 0
        for address, size in page.evaluate(TRANSFERS):
            path = urlsplit(address).path
            if path.startswith("/static/"):
                static += _compressed(path.removeprefix("/static/")) + HEADERS
            else:
                rest += size + HEADERS
        assert static + rest <= FIRST_VISIT, (url, static, rest)
        assert rest <= NEXT_PAGE, (url, static, rest)


def _compressed(name: str) -> int:
    """The bytes that a static file travels in."""
    found = finders.find(name)
    assert isinstance(found, str), name
    return len(gzip.compress(Path(found).read_bytes(), compresslevel=9))
