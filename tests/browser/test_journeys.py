"""What a person does all day, and what goes wrong meanwhile: sessions end, networks drop."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.sessions.models import Session
from django.core.cache import cache
from playwright.sync_api import Page, expect

from activity.models import Note
from customers.models import Customer
from loyalty_admin.staff.models import User
from loyalty_admin.staff.permissions import Role
from rewards.models import Account
from tests.browser.conftest import sign_in
from tests.browser.store import a_customer, a_store
from tests.factories import ContactPointFactory, UserFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

Enter = Callable[[User], None]
EVIL = "<script>alert(1)</script><img src=x onerror=alert(1)>"


@pytest.fixture(autouse=True)
def _forget_attempts() -> None:
    """Sign-in attempts are counted in the cache, across tests."""
    cache.clear()


@pytest.fixture
def marta(come_in: Enter) -> User:
    """An agent, signed in."""
    user: User = UserFactory(name="Marta")
    come_in(user)
    return user


@pytest.fixture
def ana(marta: User) -> Customer:
    """The customer of a store with something of everything."""
    return Customer.objects.get(pk=a_store(marta)["customer_id"])


def test_find_anything_by_keyboard(page: Page, marta: User) -> None:
    lucia = a_customer("Lucía Méndez", "C-1")
    a_customer("Lucio Mendizábal", "C-2")
    page.goto("/orders/")
    page.keyboard.press("Control+k")
    box, options = page.locator("#find"), page.locator("#find-results").get_by_role("option")
    expect(box).to_be_focused()

    page.keyboard.type("LUCI MEND")
    expect(options).to_have_count(3)  # and all of them in the list
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(options.nth(1)).to_have_attribute("aria-selected", "true")
    active = options.nth(1).get_attribute("id")
    expect(box).to_have_attribute("aria-activedescendant", active or "")
    page.keyboard.press("Escape")
    expect(options).to_have_count(0)
    expect(box).to_have_value("LUCI MEND")

    box.fill("lucia mend")
    expect(options).to_have_count(2)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/customers/{lucia.pk}/**")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Lucía Méndez")


@pytest.mark.parametrize("typed", ["+34 612 345 678", "612345678", "612-34-56-78"])
def test_a_phone_number_is_found_however_it_is_written(page: Page, marta: User, typed: str) -> None:
    lucia = a_customer("Lucía Méndez", "C-1")
    ContactPointFactory(customer=lucia, phone=True, value="+34612345678")
    page.goto("/customers/")

    page.keyboard.press("Control+k")
    page.keyboard.type(typed)
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", level=1)).to_contain_text("Lucía Méndez")


def test_markup_in_names_and_notes_is_text(page: Page, marta: User) -> None:
    page.on("dialog", lambda dialog: pytest.fail(f"A script ran: {dialog.message}"))
    customer = a_customer(f"Eve {EVIL}", "C-1", address=EVIL, document="<b>1</b>")
    page.goto("/customers/")
    expect(page.locator("#customers")).to_contain_text(EVIL)
    page.locator("#find").fill("eve")
    expect(page.get_by_role("option").first).to_contain_text(EVIL)
    page.goto(f"/customers/{customer.pk}/details/")
    expect(page.locator("main")).to_contain_text(EVIL)
    page.goto(f"/customers/{customer.pk}/activity/")
    expect(page.get_by_role("heading", level=1)).to_contain_text(EVIL)

    page.get_by_label("Social").check()
    page.get_by_label("Note", exact=True).fill(EVIL)
    page.get_by_role("button", name="Add note").click()

    line = page.locator("#timeline .line", has_text="onerror")
    expect(line).to_contain_text(EVIL)
    expect(line).to_contain_text("Social")
    line.locator(".line__json summary").click()
    expect(line.locator(".json")).to_contain_text("onerror=alert(1)")
    line.get_by_role("link", name="Edit").click()
    expect(page.get_by_role("dialog").get_by_label("Note", exact=True)).to_have_value(EVIL)
    assert page.locator("main script, main img[src=x]").count() == 0
    assert Note.objects.get().body == EVIL


def test_an_edited_note_keeps_its_earlier_text(page: Page, ana: Customer) -> None:
    page.goto(f"/customers/{ana.pk}/activity/?group=notes")
    line = page.locator("#timeline .line", has_text="Wrote, too.")
    line.get_by_role("link", name="Edit").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Note", exact=True).fill("Wrote twice.")
    dialog.get_by_role("button", name="Save note").click()

    line = page.locator("#timeline .line", has_text="Wrote twice.").first
    line.get_by_role("link", name="Earlier texts").click()

    expect(dialog).to_contain_text("Wrote twice.")
    expect(dialog).to_contain_text("Wrote, too.")


def test_the_timeline_is_filtered_in_place(page: Page, ana: Customer) -> None:
    page.goto(f"/customers/{ana.pk}/activity/")
    page.get_by_label("Note", exact=True).fill("half a sentence")
    timeline = page.locator("#timeline")

    timeline.get_by_role("link", name="Balance", exact=True).click()

    expect(timeline).not_to_contain_text("Wrote, too.")
    expect(timeline).to_contain_text("Points adjusted by +40")
    expect(page.get_by_label("Note", exact=True)).to_have_value("half a sentence")
    assert page.url.endswith("?group=balance")
    page.go_back()
    expect(timeline).to_contain_text("Wrote, too.")


def test_the_theme_is_chosen_and_stays(page: Page, marta: User) -> None:
    page.goto("/orders/")
    page.get_by_role("button", name="Marta").click()
    page.get_by_role("button", name="Dark").click()

    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert page.url.endswith("/orders/")
    background = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(background) == "rgb(19, 20, 23)"
    page.goto("/customers/")
    assert page.evaluate(background) == "rgb(19, 20, 23)"


@pytest.mark.parametrize("role", Role)
def test_each_role_signs_in_and_sees_its_verbs(page: Page, role: Role) -> None:
    ana = a_store(UserFactory())["customer_id"]
    sign_in(page, UserFactory(role=role))
    expect(page.locator("#customers")).to_contain_text("Ana Pérez")
    reads_audit = role is not Role.AGENT
    expect(page.get_by_role("link", name="Audit log")).to_have_count(int(reads_audit))

    page.goto(f"/customers/{ana}/activity/")

    writes = int(role is not Role.AUDITOR)
    expect(page.get_by_role("link", name="Adjust balance")).to_have_count(writes)
    expect(page.get_by_role("link", name="Spend", exact=True)).to_have_count(writes)
    expect(page.get_by_role("button", name="Add note")).to_have_count(writes)
    adjusted = page.locator("#timeline article", has_text="Points adjusted by +40")
    expect(adjusted.get_by_role("button", name="Undo")).to_have_count(writes)


def test_a_session_that_ends_under_a_dialog_loses_nothing(
    page: Page, ana: Customer, marta: User
) -> None:
    page.goto(f"/customers/{ana.pk}/activity/")
    page.get_by_role("link", name="Adjust balance").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Amount").fill("+25")
    expect(dialog.locator("#preview")).to_contain_text("→")
    Session.objects.all().delete()
    cache.clear()

    dialog.get_by_role("button", name="Save adjustment").click()

    expect(dialog.get_by_role("alert")).to_contain_text("You have been signed out.")
    expect(dialog.get_by_label("Amount")).to_have_value("+25")
    before = Account.objects.get(program__name="Points").balance
    dialog.get_by_role("link", name="Sign in").click()
    page.locator("input[name=login]").fill(marta.email)
    page.locator("input[name=password]").fill("correct horse battery staple")
    page.locator("input[name=password]").press("Enter")
    page.wait_for_url(f"**/customers/{ana.pk}/activity/")
    assert Account.objects.get(program__name="Points").balance == before


def test_a_network_that_drops_is_said(page: Page, ana: Customer, expected: list[str]) -> None:
    expected += ["ERR_INTERNET_DISCONNECTED", "Failed to fetch"]
    page.goto(f"/customers/{ana.pk}/activity/")
    page.context.set_offline(True)

    page.get_by_role("link", name="Points", exact=True).click()
    expect(page.locator(".toast")).to_contain_text("No connection.")
    expect(page.locator("#timeline")).to_be_visible()
    page.get_by_label("Note", exact=True).fill("Kept")
    page.get_by_role("button", name="Add note").click()
    expect(page.locator(".toast")).to_have_count(1)
    expect(page.get_by_label("Note", exact=True)).to_have_value("Kept")

    page.context.set_offline(False)
    page.get_by_role("button", name="Add note").click()
    expect(page.locator("#timeline")).to_contain_text("Kept")
