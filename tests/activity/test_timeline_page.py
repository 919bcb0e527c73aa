"""The timeline in the browser: the panel, its filter and paging, notes with and without htmx."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from activity.actions.notes import add_note, edit_note
from activity.models import Event, Note
from customers.models import Customer
from loyalty_admin.common.actor import Actor
from loyalty_admin.common.paging import encode_cursor
from loyalty_admin.staff.models import User
from loyalty_admin.staff.permissions import actor_of
from tests.factories import CustomerFactory, UserFactory
from tests.queries import assert_queries

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}
NOON = datetime(2026, 11, 19, 12, 0, tzinfo=UTC)


@pytest.fixture
def customer() -> Customer:
    customer: Customer = CustomerFactory()
    return customer


@pytest.fixture
def marta() -> User:
    user: User = UserFactory(name="Marta")
    return user


@pytest.fixture
def agent(client: Client, marta: User) -> Client:
    client.force_login(marta)
    return client


@pytest.fixture
def auditor(client: Client) -> Client:
    client.force_login(UserFactory(auditor=True))
    return client


def url_of(name: str, *args: int, **query: str) -> str:
    return reverse(f"activity:{name}", args=args, query=query or None)


def write_events(customer: Customer, count: int, *, kind: str = "test.plain") -> None:
    """Events an hour apart, the newest at noon."""
    Event.objects.bulk_create(
        Event(
            customer=customer, kind=kind, occurred_at=NOON - timedelta(hours=number),
            object_id=number, actor_kind="system", actor_label="test",
        )
        for number in range(count)
    )  # fmt: skip


def note_by(user: User, customer: Customer, body: str = "Called.") -> Note:
    return add_note(
        actor=actor_of(user), customer_id=customer.pk, channel="phone", body=body,
        idempotency_key=str(uuid4()),
    )  # fmt: skip


def test_the_page_is_whole_without_htmx_and_a_panel_with(agent: Client, customer: Customer) -> None:
    url = url_of("timeline", customer.pk)

    whole, panel = agent.get(url), agent.get(url, headers=HTMX)

    assert whole.status_code == panel.status_code == 200
    assert "<html" in whole.text
    assert "<html" not in panel.text
    assert 'id="timeline"' in whole.text
    assert 'id="timeline"' in panel.text


def test_lines_stand_under_their_day_in_the_stores_zone(agent: Client, customer: Customer) -> None:
    # Half past eleven at night in London is the next day in Madrid.
    at = datetime(2026, 11, 18, 23, 30, tzinfo=UTC)
    Event.objects.create(
        customer=customer, kind="test.late", occurred_at=at, actor_kind="system", actor_label="x"
    )

    text = agent.get(url_of("timeline", customer.pk)).text

    assert "19 November" in text
    assert "18 November" not in text
    assert "Test late" in text


def test_older_pages_follow_without_a_gap_or_a_twin(agent: Client, customer: Customer) -> None:
    write_events(customer, 75)
    seen: list[int] = []
    url = url_of("timeline", customer.pk, part="timeline")
    for _page in range(9):
        response = agent.get(url, headers=HTMX)
        assert response.status_code == 200
        seen += [line.id for day in response.context["days"] for line in day.lines]
        url = response.context["older_part_url"]
        if not url:
            break

    newest_first = Event.objects.order_by("-occurred_at", "-pk").values_list("pk", flat=True)
    assert seen == list(newest_first)


def test_a_day_that_goes_on_has_one_heading(agent: Client, customer: Customer) -> None:
    write_events(customer, 60)
    first = agent.get(url_of("timeline", customer.pk, part="timeline"), headers=HTMX)

    second = agent.get(first.context["older_part_url"], headers=HTMX)

    last_day, next_day = first.context["days"][-1], second.context["days"][0]
    assert (last_day.date, next_day.continued) == (next_day.date, True)
    assert "<html" not in second.text
    assert 'id="timeline"' not in second.text


def test_older_works_without_a_script(agent: Client, customer: Customer) -> None:
    write_events(customer, 60)
    first = agent.get(url_of("timeline", customer.pk))

    second = agent.get(first.context["older_url"])

    assert "<html" in second.text
    assert second.context["newest_url"] == url_of("timeline", customer.pk)


def test_the_filter_shows_one_group_and_lives_in_the_url(
    agent: Client, marta: User, customer: Customer
) -> None:
    write_events(customer, 3)
    note_by(marta, customer)

    response = agent.get(url_of("timeline", customer.pk, group="notes"))

    titles = [str(line.title) for day in response.context["days"] for line in day.lines]
    assert titles == ["Note"]
    assert 'aria-current="true"' in response.text


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "é",
        encode_cursor([1, 2]),
        encode_cursor(["a", 1]),
        encode_cursor([None, 1]),
        encode_cursor(["2026-13-45T00:00:00Z", 1]),
        encode_cursor(["2026-11-19T12:00:00", 1]),
        encode_cursor([NOON, "x"]),
    ],
)
def test_a_damaged_cursor_is_said_to_be_one(agent: Client, customer: Customer, cursor: str) -> None:
    response = agent.get(url_of("timeline", customer.pk, after=cursor))

    assert response.status_code == 400
    assert "damaged" in response.text


def test_an_unknown_group_or_customer_is_not_found(agent: Client, customer: Customer) -> None:
    assert agent.get(url_of("timeline", customer.pk, group="spaceships")).status_code == 404
    assert agent.get(url_of("timeline", customer.pk + 1)).status_code == 404
    assert agent.get(url_of("timeline", 2**70)).status_code == 404
    for part in ("timeline", "lines"):
        for missing in (customer.pk + 1, 2**70):
            url = url_of("timeline", missing, part=part)
            assert agent.get(url, headers=HTMX).status_code == 404
        assert agent.get(url_of("timeline", customer.pk, part=part), headers=HTMX).text


def test_an_event_shows_its_record(agent: Client, customer: Customer) -> None:
    data = {"note": "<b>bold</b>"}
    event = Event.objects.create(
        customer=customer, kind="test.x", occurred_at=NOON, data=data, actor_kind="system",
        actor_label="test",
    )  # fmt: skip
    url = url_of("event", customer.pk, event.pk)

    document, fragment = agent.get(url), agent.get(url, headers=HTMX)

    assert document["Content-Type"] == "application/json"
    assert json.loads(document.content)["data"] == data
    assert "&lt;b&gt;bold" in fragment.text
    assert agent.get(url_of("event", CustomerFactory().pk, event.pk)).status_code == 404


def test_a_note_by_htmx_brings_an_empty_form_a_toast_and_the_news(
    agent: Client, customer: Customer
) -> None:
    sent = {"channel": "chat", "body": "<b>Hi</b>", "idempotency_key": "k"}
    url = url_of("note-add", customer.pk)

    answers = [agent.post(url, sent, headers=HTMX) for _time in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert "activity-changed" in answers[0]["HX-Trigger"]
    assert "Note added." in answers[0].text
    assert "Hi&lt;" not in answers[0].text
    assert 'value="k"' not in answers[0].text
    assert Note.objects.get().body == "<b>Hi</b>"
    shown = agent.get(url_of("timeline", customer.pk)).text
    assert "&lt;b&gt;Hi&lt;/b&gt;" in shown
    assert "<b>Hi" not in shown


def test_a_note_without_a_script_leads_back_to_the_timeline(
    agent: Client, customer: Customer
) -> None:
    sent = {"channel": "chat", "body": "Hi", "idempotency_key": "k"}

    response = agent.post(url_of("note-add", customer.pk), sent, follow=True)

    assert response.redirect_chain == [(url_of("timeline", customer.pk), 302)]
    assert "Note added." in response.text


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_a_refused_note_keeps_what_was_typed(
    agent: Client, customer: Customer, headers: dict[str, str]
) -> None:
    sent = {"channel": "pigeon", "body": "It took an hour to write this.", "idempotency_key": "k"}

    response = agent.post(url_of("note-add", customer.pk), sent, headers=headers)

    assert response.status_code == 422
    assert "It took an hour to write this." in response.text
    assert 'value="k"' in response.text
    assert ("<html" in response.text) is not bool(headers)
    assert not Note.objects.exists()


def test_another_text_with_an_old_key_can_be_sent_again(agent: Client, customer: Customer) -> None:
    url = url_of("note-add", customer.pk)
    agent.post(url, {"channel": "chat", "body": "One", "idempotency_key": "k"})

    refused = agent.post(url, {"channel": "chat", "body": "Two", "idempotency_key": "k"})

    assert refused.status_code == 422
    assert "Two" in refused.text
    again = dict(refused.context["form"].data)
    assert again["idempotency_key"] != "k"
    assert agent.post(url, again).status_code == 302
    assert Note.objects.count() == 2


def test_a_note_is_edited_in_a_dialog(agent: Client, marta: User, customer: Customer) -> None:
    note = note_by(marta, customer, "Wants a refund")
    url = url_of("note-edit", customer.pk, note.pk)
    dialog = agent.get(url, headers=HTMX)
    assert "<dialog" in dialog.text
    assert "Wants a refund" in dialog.text
    assert "<html" in agent.get(url).text

    sent = {"channel": "email", "body": "Wants a cup", "seen_edits": "0"}
    answer = agent.post(url, sent, headers=HTMX)

    assert "activity-changed" in answer["HX-Trigger"]
    timeline = agent.get(url_of("timeline", customer.pk)).text
    assert "Wants a cup" in timeline
    assert "Edited" in timeline
    history = agent.get(url_of("note-history", customer.pk, note.pk)).text
    assert "Wants a refund" in history
    assert "Wants a cup" in history


def test_a_stale_edit_shows_both_texts(agent: Client, marta: User, customer: Customer) -> None:
    note = note_by(marta, customer)
    edit_note(
        actor=actor_of(marta), customer_id=customer.pk, note_id=note.pk, channel="phone",
        body="By somebody else", seen_edits=0,
    )  # fmt: skip
    url = url_of("note-edit", customer.pk, note.pk)

    refused = agent.post(url, {"channel": "chat", "body": "By me", "seen_edits": "0"})

    assert refused.status_code == 422
    assert "By somebody else" in refused.text
    assert "By me" in refused.text
    assert agent.post(url, dict(refused.context["form"].data)).status_code == 302
    assert Note.objects.get().body == "By me"


def test_a_pinned_note_stands_on_top(agent: Client, marta: User, customer: Customer) -> None:
    old = note_by(marta, customer, "Allergic to nuts")
    write_events(customer, 40)

    answer = agent.post(url_of("note-pin", customer.pk, old.pk), headers=HTMX)

    assert "activity-changed" in answer["HX-Trigger"]
    assert url_of("note-unpin", customer.pk, old.pk) in answer.text  # the Undo
    response = agent.get(url_of("timeline", customer.pk))
    assert [line.body for line in response.context["pinned"]] == ["Allergic to nuts"]
    agent.post(url_of("note-unpin", customer.pk, old.pk))
    assert not agent.get(url_of("timeline", customer.pk)).context["pinned"]


def test_who_only_reads_is_offered_nothing_to_write(
    auditor: Client, marta: User, customer: Customer
) -> None:
    note = note_by(marta, customer)

    text = auditor.get(url_of("timeline", customer.pk)).text

    assert 'id="note-form"' not in text
    assert url_of("note-edit", customer.pk, note.pk) not in text
    assert url_of("note-pin", customer.pk, note.pk) not in text


@pytest.mark.parametrize("part", ["panel", "timeline", "lines"])
def test_queries_do_not_grow_with_the_events(
    agent: Client, marta: User, customer: Customer, part: str
) -> None:
    url = url_of("timeline", customer.pk, part=part)
    for events, notes in ((1, 1), (5_000, 20)):
        write_events(customer, events)
        for number in range(notes):
            note_by(marta, customer, f"Note {number}")
        agent.get(url, headers=HTMX)  # the session is cached from here on
        with assert_queries(f"activity: timeline, {part}"):
            agent.get(url, headers=HTMX)


def test_the_system_is_an_actor_without_a_name_on_the_line(
    agent: Client, customer: Customer
) -> None:
    write_events(customer, 1)

    (day,) = agent.get(url_of("timeline", customer.pk)).context["days"]

    assert day.lines[0].actor == ""
    assert Actor.system("test").may("anything")
