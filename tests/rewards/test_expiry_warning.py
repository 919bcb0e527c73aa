"""RW-9: what expires soon is told in time, once for each account and day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
from django.test import Client, override_settings
from django.urls import reverse

from activity.models import AuditRecord, Event
from loyalty_admin.celery import app
from rewards.actions.warning import warn_of_expiry
from rewards.models import Account, ExpiryWarning, Program
from rewards.tasks import warn_of_expiry_nightly
from tests.factories import ProgramFactory, UserFactory
from tests.rewards.expiry import DAY, give, holder, promise

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_in_madrid")]

NOW = datetime(2026, 12, 1, 4, 45, tzinfo=UTC)


@pytest.fixture(name="_in_madrid")
def in_madrid() -> Iterator[None]:
    with override_settings(STORE_TIME_ZONE="Europe/Madrid"):
        yield


def _warnings() -> list[tuple[str | None, date, int]]:
    rows = ExpiryWarning.objects.order_by("account", "expires_on")
    return [(w.customer.external_id, w.expires_on, w.units) for w in rows]


def _warned(now: datetime = NOW) -> int:
    return sum(warn_of_expiry(now=now))


def test_rw_9_each_account_and_day_is_told_once() -> None:
    soon, later = holder("soon"), holder("later")
    give(soon, 340, NOW + 3 * DAY)
    give(soon, 60, NOW + 3 * DAY + DAY / 4)
    give(soon, 5, NOW + 9 * DAY)
    give(soon, 1)
    give(soon, 99, NOW - DAY)
    give(later, 7, NOW + 31 * DAY)
    assert _warned() == 2
    assert _warnings() == [("soon", date(2026, 12, 4), 400), ("soon", date(2026, 12, 10), 5)]
    assert _warned() == 0
    assert _warned(NOW + DAY) == 1
    assert _warnings()[-1] == ("later", date(2027, 1, 1), 7)
    events = Event.objects.filter(kind="ledger.expiring")
    assert [e.data["units"] for e in events.order_by("pk")] == [400, 5, 7]
    assert AuditRecord.objects.filter(verb="ledger.expiring").count() == 3


def test_rw_9_a_day_is_one_of_the_store() -> None:
    night = holder("night")
    give(night, 8, datetime(2026, 12, 4, 23, 30, tzinfo=UTC))  # half past midnight in Madrid
    assert _warned() == 1
    assert _warnings() == [("night", date(2026, 12, 5), 8)]


def test_rw_9_a_whole_day_is_told_together_at_the_edge_of_the_window() -> None:
    edge = holder("edge", program=ProgramFactory(warning_days=3))
    give(edge, 1, datetime(2026, 12, 4, 0, 30, tzinfo=UTC))
    give(edge, 2, datetime(2026, 12, 4, 20, 0, tzinfo=UTC))
    give(edge, 4, datetime(2026, 12, 5, 0, 30, tzinfo=UTC))
    assert _warned() == 1
    assert _warnings() == [("edge", date(2026, 12, 4), 3)]


def test_rw_9_inactivity_is_warned_of_with_everything_that_lapses_by_it() -> None:
    program = ProgramFactory(expiry=Program.Expiry.INACTIVITY, expiry_days=90)
    account = holder("quiet", program=program)
    give(account, 30)
    give(account, 12)
    give(account, 5, NOW + DAY)
    promise(account, 3, NOW + DAY)
    promise(account, 2, NOW + 20 * DAY)
    Account.objects.update(expires_at=NOW + 10 * DAY)
    assert _warned() == 2
    assert _warnings() == [("quiet", date(2026, 12, 2), 5), ("quiet", date(2026, 12, 11), 45)]


def test_cu_7_who_was_taken_out_of_the_programme_is_not_warned() -> None:
    account = holder()
    give(account, 30, NOW + DAY)
    account.customer.status = "removed"
    account.customer.save()
    assert _warned() == 0


def test_rw_9_batches_are_of_the_size_that_is_asked_for() -> None:
    for _ in range(5):
        give(holder(), 10, NOW + DAY)
    assert list(warn_of_expiry(now=NOW, lots=2)) == [2, 2, 1]


def test_rw_9_the_timeline_says_how_much_expires_when(client: Client) -> None:
    account = holder()
    give(account, 340, NOW + 3 * DAY)
    _warned()
    client.force_login(UserFactory())
    page = client.get(reverse("activity:timeline", args=[account.customer_id])).content.decode()
    assert "340 points expire on 4 Dec" in page


def test_beat_warns_every_night() -> None:
    entry = app.conf.beat_schedule["warn-of-expiry"]
    assert entry["task"] == warn_of_expiry_nightly.name
    assert warn_of_expiry_nightly() == 0
