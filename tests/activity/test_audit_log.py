"""The audit log: newest first, filtered by the URL, taken away as CSV, which is recorded."""

from __future__ import annotations

import csv
import io
import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from activity.diff import Difference, differences, in_words
from activity.models import AuditRecord
from loyalty_admin.common.csv_export import csv_response, safe_cell
from tests.factories import CustomerFactory, UserFactory
from tests.queries import assert_queries

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 19, 12, 0, tzinfo=UTC)


@pytest.fixture
def auditor(client: Client) -> Client:
    client.force_login(UserFactory(auditor=True, name="Olga"))
    return client


def record(**fields: Any) -> AuditRecord:
    """An audit record of a change of a balance."""
    values: dict[str, Any] = {
        "verb": "ledger.adjusted",
        "object_type": "operation",
        "object_id": 7,
        "at": NOON,
        "actor_kind": "staff",
        "actor_label": "Marta",
        "before": {"balance": 10},
        "after": {"balance": 50, "note": "guest checkout"},
        "request_id": "req-1",
        "ip": "10.0.0.7",
    }
    row: AuditRecord = AuditRecord.objects.create(**values | fields)
    return row


def log_url(**query: object) -> str:
    return reverse("activity:audit", query=query or None)


def shown(client: Client, **query: object) -> list[int]:
    return [row.record.pk for row in client.get(log_url(**query)).context["rows"]]


def test_a_record_says_who_what_and_from_where(auditor: Client) -> None:
    customer = CustomerFactory(name="Ana Pérez")
    record(customer=customer)

    text = auditor.get(log_url()).text

    for said in ("Marta", "ledger.adjusted", "Ana Pérez", "10.0.0.7", "req-1", "guest checkout"):
        assert said in text
    assert "<del>10</del>" in text
    assert "<ins>50</ins>" in text


def test_what_is_recorded_is_text(auditor: Client) -> None:
    record(after={"note": "<script>alert(1)</script>"})

    assert "<script>alert" not in auditor.get(log_url()).text


def test_newest_first_page_after_page(auditor: Client) -> None:
    rows = [record(at=NOON - timedelta(minutes=number)).pk for number in range(120)]
    seen, url = [], log_url()
    for _page in range(9):
        response = auditor.get(url)
        seen += [row.record.pk for row in response.context["rows"]]
        page = response.context["page"]
        if not page["has_older"]:
            break
        url = page["older_url"]

    assert seen == rows
    assert page["has_newer"]


def test_filters_by_verb_actor_customer_and_day(auditor: Client) -> None:
    customer = CustomerFactory()
    plain = record()
    other = record(verb="note.added", actor_label="Luis", customer=customer)
    # 23:30 in London on the 20th is the 21st in Madrid, where the store is.
    late = record(at=datetime(2026, 11, 20, 23, 30, tzinfo=UTC))

    assert shown(auditor, verb="note.added") == [other.pk]
    assert shown(auditor, actor="Luis") == [other.pk]
    assert shown(auditor, customer=customer.pk) == [other.pk]
    assert shown(auditor, since="2026-11-20") == [late.pk]
    assert shown(auditor, since="2026-11-21", until="2026-11-21") == [late.pk]
    assert shown(auditor, until="2026-11-20", actor="Marta") == [plain.pk]


def test_a_filter_can_be_taken_off(auditor: Client) -> None:
    record()
    response = auditor.get(log_url(verb="ledger.adjusted", actor="Marta"))

    urls = {filter["remove_url"] for filter in response.context["applied"]}

    assert urls == {log_url(actor="Marta"), log_url(verb="ledger.adjusted")}


@pytest.mark.parametrize(
    "query",
    [
        {"since": "yesterday"},
        {"verb": "unheard.of"},
        {"customer": "Ana"},
        {"customer": str(2**70)},
        {"customer": "-1"},
        {"until": "2026-02-30"},
    ],
)
def test_a_filter_that_makes_no_sense_says_so_and_shows_nothing(
    auditor: Client, query: dict[str, str]
) -> None:
    record()
    (name, value) = next(iter(query.items()))

    response = auditor.get(log_url(**query))

    assert response.status_code == 422
    assert response.context["filters"].form.errors.keys() == {name}
    assert not response.context["rows"]
    assert value in response.text


def test_the_last_day_of_time_is_no_trap(auditor: Client) -> None:
    record()

    assert auditor.get(log_url(until="9999-12-31")).status_code == 200
    assert auditor.get(log_url(since="0001-01-01")).status_code == 200
    assert auditor.get(log_url(after="damaged")).status_code == 400


def test_the_export_has_what_the_filters_show_and_is_itself_recorded(auditor: Client) -> None:
    record(actor_label="=HYPERLINK(1)", verb="note.added", after={"body": "+1 cup"})
    record()
    url = reverse("activity:audit-export", query={"verb": "note.added"})

    response = auditor.post(url, headers={"X-Request-ID": "export-123"})

    assert response.streaming
    assert "attachment" in response["Content-Disposition"]
    text = response.getvalue().decode("utf-8-sig")
    (row,) = csv.DictReader(io.StringIO(text))
    assert row["actor"] == "'=HYPERLINK(1)"
    assert row["at"] == "2026-11-19T13:00:00+01:00"
    assert row["changes"] == "balance: 10 → –; body: +1 cup"
    taken = AuditRecord.objects.get(verb="audit.exported")
    assert (taken.actor_label, taken.request_id) == ("Olga", "export-123")
    assert taken.after == {"filters": {"verb": "note.added"}}


def test_a_wrong_filter_exports_nothing(auditor: Client) -> None:
    url = reverse("activity:audit-export", query={"since": "yesterday"})

    assert auditor.post(url).status_code == 422
    assert not AuditRecord.objects.exists()


def test_queries_do_not_grow_with_the_log(auditor: Client) -> None:
    record()
    for _round in range(2):
        auditor.get(log_url())  # the session is cached from here on
        with assert_queries("activity: audit log"):
            auditor.get(log_url(verb="ledger.adjusted"))
        for number in range(60):
            record(customer=CustomerFactory(), actor_label=f"Person {number}")


def test_an_export_is_sent_while_it_is_made() -> None:
    endless = ([number] for number in itertools.count())

    response = csv_response("numbers.csv", ["number"], endless)

    first = next(iter(response))
    assert first.decode("utf-8-sig").startswith("number\r\n0\r\n1\r\n")


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", "\tx", "\rx", "\nx"])
def test_no_cell_is_a_formula(text: str) -> None:
    assert safe_cell(text) == "'" + text
    assert safe_cell("x" + text) == "x" + text
    assert safe_cell(-1) == -1


def test_differences_are_what_changed() -> None:
    before = {"name": "A", "status": "draft", "days": 3, "gone": True, "empty": ""}
    after = {"name": "A", "status": "active", "days": 3, "new_one": ["x"], "none": None}

    changes = differences(before, after)

    assert changes == [
        Difference("status", "draft", "active"),
        Difference("gone", "yes", None),
        Difference("new one", None, '["x"]'),
    ]
    assert [in_words(change) for change in changes] == [
        "status: draft → active",
        "gone: yes → –",
        'new one: ["x"]',
    ]
