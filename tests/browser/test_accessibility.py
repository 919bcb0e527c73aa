"""axe finds nothing serious on any page, dialog or state, in light and in dark.

A new page joins by itself: the URLconf is walked. In Django's own admin everything but colours
is held to the same: the contrast of its search button and breadcrumbs is of Django's making.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from axe_playwright_python.base import AXE_SCRIPT
from django.core.cache import cache
from playwright.sync_api import Page, expect
from pytest_django import Settings

from loyalty_admin.staff.models import User
from tests.browser.store import a_store, pages, pages_of_the_sign_in
from tests.factories import CustomerFactory, UserFactory
from tests.factories.staff import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

SERIOUS = ("serious", "critical")
EVERYTHING: dict[str, Any] = {"resultTypes": ["violations"]}
COLOURS = {**EVERYTHING, "runOnly": ["color-contrast"]}
"""What can differ between light and dark."""
DJANGOS_OWN = ("color-contrast", "link-in-text-block")

Enter = Callable[[User], None]


@pytest.fixture(autouse=True)
def _still(page: Page) -> None:
    """Nothing moves, so that no colour is looked at half way."""
    cache.clear()  # sign-in attempts are counted across tests
    page.emulate_media(reduced_motion="reduce")


@pytest.fixture
def superuser() -> User:
    user: User = UserFactory(superuser=True, name="Root")
    return user


def check(page: Page, what: str) -> list[str]:
    """The serious violations of what the page shows now, in light and in dark."""
    page.evaluate(AXE_SCRIPT)
    found: list[str] = []
    for scheme, options in (("light", EVERYTHING), ("dark", COLOURS)):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        answer = page.evaluate(f"axe.run({json.dumps(options)})")
        found.extend(
            f"{what}, {scheme}: {violation['id']}: {node['html'][:200]}"
            for violation in answer["violations"]
            if violation["impact"] in SERIOUS
            for node in violation["nodes"][:3]
        )
    return found


def check_all(page: Page, urls: dict[str, str]) -> list[str]:
    """The violations of all these pages; where several lead to one page it is read once."""
    seen, found = set(), []
    for name, url in urls.items():
        response = page.goto(url)
        assert response, name
        assert response.status < 500, name
        is_page = response.headers.get("content-type", "").startswith("text/html")
        if is_page and page.url not in seen:
            found += check(page, f"{name} {response.status}")
        seen.add(page.url)
    return found


def test_every_page(page: Page, come_in: Enter, superuser: User, settings: Settings) -> None:
    settings.DEBUG = True  # for the style guide
    come_in(superuser)

    assert check_all(page, pages(a_store(superuser))) == []


def test_every_page_that_an_agent_opens(page: Page, come_in: Enter, expected: list[str]) -> None:
    agent: User = UserFactory(name="Marta")
    expected += ["403", "404"]
    come_in(agent)

    assert check_all(page, pages(a_store(agent))) == []


def test_every_page_of_the_sign_in(page: Page, superuser: User, expected: list[str]) -> None:
    expected += ["404"]
    found = check_all(page, pages_of_the_sign_in())
    page.goto("/accounts/login/")
    page.locator("input[name=login]").fill("nobody@example.com")
    page.locator("input[name=password]").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert").first).to_be_visible()
    found += check(page, "sign-in, refused")
    TOTP.activate(superuser, "JBSWY3DPEHPK3PXP")
    code = RecoveryCodes.activate(superuser).get_unused_codes()[0]
    page.locator("input[name=login]").fill(superuser.email)
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("input[name=password]").press("Enter")
    expect(page.locator("input[name=code]")).to_be_visible()
    found += check(page, "the second factor")
    page.locator("input[name=code]").fill(code)
    page.locator("input[name=code]").press("Enter")
    page.wait_for_url("**/customers/")
    found += check_all(page, pages_of_the_sign_in())

    assert found == []


@pytest.mark.parametrize("width", [1440, 360])
def test_dialogs(page: Page, come_in: Enter, superuser: User, width: int) -> None:
    store = a_store(superuser)
    come_in(superuser)
    page.set_viewport_size({"width": width, "height": 800})
    found = []
    for tab, opener in (
        ("activity", "Adjust balance"),
        ("points", "Explain this balance"),
        ("activity", "Spend"),
        ("activity", "Edit"),
        ("activity", "Earlier texts"),
    ):
        page.goto(f"/customers/{store['customer_id']}/{tab}/")
        page.get_by_role("link", name=opener, exact=True).first.click()
        dialog = page.get_by_role("dialog")
        expect(dialog).to_be_visible()
        found += check(page, f"{opener} at {width}")
        if opener in {"Adjust balance", "Spend"}:
            if opener == "Spend":
                dialog.get_by_role("radio", name="Used at the counter").check()
            dialog.get_by_label("Amount", exact=True).fill("much")
            dialog.locator("button[type=submit]").click()
            expect(dialog.locator("[aria-invalid=true]").first).to_be_visible()
            found += check(page, f"{opener}, refused, at {width}")
    assert found == []


def test_what_opens_on_a_page(page: Page, come_in: Enter, superuser: User) -> None:
    store = a_store(superuser)
    come_in(superuser)
    page.goto(f"/customers/{store['customer_id']}/activity/")
    page.locator("#find").fill("pér")
    expect(page.get_by_role("option")).to_have_count(2)
    found = check(page, "suggestions")
    page.locator("#find").fill("nobody at all")
    expect(page.locator("#find-results")).to_contain_text("Nothing found")
    found += check(page, "no suggestions")
    page.locator("#find").press("Escape")
    page.get_by_role("button", name="Root").click()
    expect(page.locator("#user-menu")).to_be_visible()
    found += check(page, "the person's menu")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Add note").click()
    expect(page.locator("#note-form [aria-invalid=true]").first).to_be_visible()
    found += check(page, "an empty note, refused")
    page.locator("#note_body").fill("Called again")
    page.get_by_role("button", name="Add note").click()
    expect(page.locator("#timeline")).to_contain_text("Called again")
    page.locator(".line__json summary").first.click()
    expect(page.locator(".json").first).to_contain_text("note.added")
    found += check(page, "a toast, and a record as JSON")
    page.set_viewport_size({"width": 360, "height": 800})
    page.get_by_role("button", name="Open the navigation").click()
    expect(page.locator("#nav")).to_be_visible()
    found += check(page, "the drawer")

    assert found == []


def test_the_admin_but_for_its_colours(
    page: Page, come_in: Enter, superuser: User, expected: list[str]
) -> None:
    expected += ["inline style", "404"]  # Django's: a style refused to it, and no icon
    customer = a_store(superuser)["customer_id"]
    come_in(superuser)
    found = check_all(
        page,
        {
            "index": "/admin/",
            "list": "/admin/customers/customer/",
            "form": f"/admin/customers/customer/{customer}/change/",
            "entries": "/admin/rewards/entry/",
            "new person": "/admin/staff/user/add/",
        },
    )
    assert [what for what in found if what.split(": ")[1] not in DJANGOS_OWN] == []


def test_empty_states_and_errors(
    page: Page, come_in: Enter, superuser: User, expected: list[str]
) -> None:
    expected += ["400", "404", "500", "403"]
    come_in(superuser)
    found = check_all(page, {"nobody": "/customers/", "no orders": "/orders/", "audit": "/audit/"})
    nora = CustomerFactory(name="Nora New")
    base = f"/customers/{nora.pk}"
    states = {tab: f"{base}/{tab}/" for tab in ("activity", "points", "orders", "details")}
    states |= {
        "no match": "/customers/?q=xyzxyz",
        "nothing found": "/find/?q=xyzxyz",
        "damaged list": "/customers/?after=damaged",
        "damaged timeline": f"{base}/activity/?after=damaged",
        "damaged orders": "/orders/?after=damaged",
        "not found": "/customers/999999999/",
        "no such page": "/nothing/",
    }
    found += check_all(page, states)
    page.context.clear_cookies()
    come_in(UserFactory(role=""))
    found += check_all(page, {"forbidden": "/customers/"})

    assert found == []
