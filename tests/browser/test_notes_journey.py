"""Notes on the timeline as a person writes, pins and edits them, with a script and without."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from activity.models import AuditRecord, Event, Note
from customers.models import Customer
from loyalty_admin.staff.models import User
from tests.browser.conftest import sign_in
from tests.factories import CustomerFactory, UserFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def customer() -> Customer:
    """A customer with 120 events, newest on 19 November 2026."""
    customer: Customer = CustomerFactory(name="Ana Pérez")
    newest = datetime(2026, 11, 19, 12, 0, tzinfo=UTC)
    Event.objects.bulk_create(
        Event(
            customer=customer, kind="test.plain", occurred_at=newest - timedelta(hours=number),
            object_id=number, actor_kind="system", actor_label="test",
        )
        for number in range(120)
    )  # fmt: skip
    return customer


@pytest.fixture
def marta() -> User:
    user: User = UserFactory(name="Marta")
    return user


def test_a_note_is_added_pinned_unpinned_and_edited_on_one_page(
    page: Page, customer: Customer, marta: User
) -> None:
    sign_in(page, marta)
    page.goto(f"/customers/{customer.pk}/activity/")
    page.evaluate("window.stayed = true")
    text, timeline = page.get_by_label("Note", exact=True), page.locator("#timeline")

    text.fill("   ")
    page.get_by_role("button", name="Add note").click()
    expect(page.locator("#note-form .field__error")).to_contain_text("Write what")

    text.fill("<b>Called</b> about a cup")
    page.get_by_label("Chat").check()
    page.get_by_role("button", name="Add note").dblclick()
    note = timeline.locator(".line", has_text="<b>Called</b> about a cup")
    expect(note).to_have_count(1)
    expect(text).to_have_value("")

    note.get_by_role("button", name="Pin").click()
    expect(timeline.locator(".day").first).to_have_text("Pinned")
    page.locator(".toast").get_by_role("button", name="Undo").click()
    expect(timeline.get_by_text("Pinned", exact=True)).to_have_count(0)

    timeline.locator(".line", has_text="Chat").get_by_role("link", name="Edit").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Note", exact=True).fill("Called about two cups")
    dialog.get_by_role("button", name="Save note").click()
    expect(dialog).to_have_count(0)
    expect(timeline.locator(".chip", has_text="Edited")).to_be_visible()

    assert page.evaluate("window.stayed") is True
    assert Note.objects.get().body == "Called about two cups"
    verbs = AuditRecord.objects.order_by("pk").values_list("verb", flat=True)
    assert list(verbs) == ["note.added", "note.pinned", "note.unpinned", "note.edited"]


def test_what_is_being_typed_survives_news_from_elsewhere(
    page: Page, customer: Customer, marta: User
) -> None:
    sign_in(page, marta)
    page.goto(f"/customers/{customer.pk}/activity/")
    text = page.get_by_label("Note", exact=True)
    text.fill("Half a thought")
    Event.objects.create(
        customer=customer, kind="test.news", occurred_at=datetime.now(UTC), actor_kind="system",
        actor_label="test",
    )  # fmt: skip

    page.evaluate("htmx.trigger(document.body, 'ledger-changed')")

    expect(page.get_by_text("Test news")).to_be_visible()
    expect(text).to_have_value("Half a thought")


def test_the_timeline_goes_on_as_one_scrolls_and_shows_its_records(
    page: Page, customer: Customer, marta: User
) -> None:
    sign_in(page, marta)
    page.goto(f"/customers/{customer.pk}/activity/")
    lines = page.locator("#timeline .line")
    expect(lines).to_have_count(30)

    for count in (60, 90, 120):
        page.locator("a[rel=next]").scroll_into_view_if_needed()
        expect(lines).to_have_count(count)
    expect(page.locator("a[rel=next]")).to_have_count(0)
    headings = page.locator(".day").all_inner_texts()
    assert len(headings) == len(set(headings))

    lines.last.locator("summary").click()
    expect(lines.last.locator(".json")).to_contain_text('"kind": "test.plain"')


def test_without_a_script_a_note_is_a_form_and_older_is_a_link(
    browser: Browser, live_server: LiveServer, customer: Customer, marta: User
) -> None:
    context = browser.new_context(base_url=live_server.url, java_script_enabled=False)
    page = context.new_page()
    sign_in(page, marta)
    page.goto(f"/customers/{customer.pk}/activity/")

    page.get_by_label("Note", exact=True).fill("By hand")
    page.get_by_role("button", name="Add note").click()
    expect(page.locator(".line__body", has_text="By hand")).to_be_visible()
    expect(page.get_by_text("Note added.")).to_be_visible()
    page.get_by_role("link", name="Older").click()
    expect(page.get_by_role("link", name="Newest")).to_be_visible()
    expect(page.locator("#timeline .line")).to_have_count(30)
    context.close()
