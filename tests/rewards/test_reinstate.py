"""RW-9: expired units given back by hand, within the program's days for it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from activity.models import AuditRecord, Event
from loyalty_admin.common.errors import (
    AlreadyReversed,
    Conflict,
    DomainError,
    InsufficientBalance,
    InvalidInput,
    NotAllowed,
    NotEnrolled,
    NotFound,
)
from rewards.actions.reinstating import reinstate_units
from rewards.actions.sweeping import sweep
from rewards.models import Account, Lot, Operation, Program
from tests.factories import ProgramFactory, UserFactory, actor_for
from tests.queries import assert_queries
from tests.rewards.expiry import DAY, give, holder
from tests.rewards.ledger import SYSTEM, adjust, assert_adds_up, debit, lots_of, undo

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}
START = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


def _lapsed(**fields: Any) -> tuple[Account, Operation]:
    """An account whose two lots of 30 and 12 expired a moment ago; 5 are left for ever."""
    account = holder(program=ProgramFactory(**fields))
    give(account, 30, START)
    give(account, 12, START)
    give(account, 5)
    list(sweep(now=START))
    account.refresh_from_db()
    return account, Operation.objects.get(kind="expire", customer=account.customer_id)


def _reinstate(expiry: Operation, **fields: Any) -> Operation:
    fields.setdefault("actor", SYSTEM)
    fields.setdefault("idempotency_key", str(uuid4()))
    return reinstate_units(operation_id=expiry.pk, **fields)


def test_rw_9_each_lot_gets_back_what_it_lost_for_the_grace_of_the_program(
    clock: time_machine.Traveller,
) -> None:
    account, expiry = _lapsed(grace_days=30)
    clock.shift(10 * DAY)
    operation = _reinstate(expiry, internal_note="Was ill")
    assert (operation.kind, operation.reverses_id) == ("reinstate", expiry.pk)
    entry = operation.entries.get()
    assert (entry.kind, entry.amount, entry.balance_after) == ("reversed", 42, 47)
    assert sorted(a.amount for a in entry.allocations.all()) == [-30, -12]
    assert lots_of(account) == [30, 12, 5]
    ends = Lot.objects.order_by("pk").values_list("expires_at", flat=True)
    assert list(ends) == [START + 40 * DAY, START + 40 * DAY, None]
    event = Event.objects.get(kind="ledger.reinstated")
    assert (event.data["units"], event.data["before"], event.data["after"]) == (42, 5, 47)
    assert AuditRecord.objects.get(verb="ledger.reinstated").before == {"balance": 5}
    assert_adds_up()
    list(sweep(now=START + 41 * DAY))
    assert lots_of(account) == [0, 0, 5]


def test_rw_9_reinstating_is_possible_until_the_last_day_and_then_says_until_when_it_was(
    clock: time_machine.Traveller,
) -> None:
    _, expiry = _lapsed(reinstate_days=60)
    clock.move_to(START + 60 * DAY + timedelta(seconds=1))
    with pytest.raises(Conflict, match=r"until 30 Apr 2026, 60 days after they expired"):
        _reinstate(expiry)
    clock.move_to(START + 60 * DAY)
    _reinstate(expiry)
    assert_adds_up()


def test_rw_9_a_program_may_not_reinstate_at_all() -> None:
    _, expiry = _lapsed(reinstate_days=0)
    with pytest.raises(Conflict, match="expired units can't be reinstated"):
        _reinstate(expiry)


def test_rw_9_an_expiry_is_given_back_once_and_a_retry_gets_the_same_answer() -> None:
    _, expiry = _lapsed()
    first = _reinstate(expiry, idempotency_key="one")
    assert _reinstate(expiry, idempotency_key="one") == first
    with pytest.raises(AlreadyReversed, match="reinstated already"):
        _reinstate(expiry)
    with pytest.raises(DomainError):
        _reinstate(expiry, idempotency_key="one", internal_note="another")
    assert Operation.objects.filter(kind="reinstate").count() == 1


def test_rw_9_only_members_of_running_programs_get_units_back() -> None:
    account, expiry = _lapsed()
    Program.objects.update(status="paused")
    with pytest.raises(Conflict, match="not running"):
        _reinstate(expiry)
    Program.objects.update(status="active")
    account.customer.status = "removed"
    account.customer.save()
    with pytest.raises(NotEnrolled):
        _reinstate(expiry)


def test_what_is_no_expiry_can_not_be_reinstated_and_not_by_everybody() -> None:
    account, expiry = _lapsed()
    with pytest.raises(NotFound):
        _reinstate(adjust(account, 5))
    with pytest.raises(NotAllowed):
        _reinstate(expiry, actor=actor_for(auditor=True))
    with pytest.raises(InvalidInput):
        _reinstate(expiry, idempotency_key="undo:1")
    with pytest.raises(InvalidInput):
        _reinstate(expiry, internal_note="x" * 1001)
    assert not Operation.objects.filter(kind="reinstate").exists()


def test_rw_9_a_debt_that_arose_meanwhile_is_paid_first() -> None:
    account, expiry = _lapsed(clawback_below_zero=True)
    credit = adjust(account, 20)
    debit(account, 20)
    undo(credit)  # takes the 5 that are left, and owes 15
    _reinstate(expiry)
    account.refresh_from_db()
    assert (account.balance, account.debt) == (27, 0)
    assert sum(lots_of(account)) == 27
    assert_adds_up()


def test_rw_9_what_lapsed_by_inactivity_comes_back_for_the_grace_or_as_long_as_the_account(
    clock: time_machine.Traveller,
) -> None:
    program = ProgramFactory(expiry=Program.Expiry.INACTIVITY, expiry_days=90, grace_days=20)
    accounts = [holder(program=program) for _ in range(2)]
    for account in accounts:
        give(account, 50)
    clock.shift(90 * DAY)
    list(sweep())
    adjust(accounts[1], 5)
    for account in accounts:
        _reinstate(Operation.objects.get(kind="expire", customer=account.customer_id))
    ends = Account.objects.order_by("pk").values_list("balance", "expires_at")
    assert list(ends) == [(50, START + 110 * DAY), (55, START + 180 * DAY)]
    assert_adds_up()


def test_rw_13_reinstating_is_undone_out_of_the_very_lots_that_got_the_units() -> None:
    account, expiry = _lapsed()
    give(account, 100, START + DAY)
    operation = _reinstate(expiry)
    assert lots_of(account) == [30, 12, 5, 100]
    assert Operation.objects.get(pk=operation.pk).undoable
    undo(operation)
    assert lots_of(account) == [0, 0, 5, 100]
    with pytest.raises(AlreadyReversed):
        undo(operation)
    assert_adds_up()


def test_rw_13_reinstated_units_that_were_spent_can_not_be_taken_back() -> None:
    account, expiry = _lapsed()
    operation = _reinstate(expiry)
    debit(account, 40)
    with pytest.raises(InsufficientBalance, match="42 points can't be taken back"):
        undo(operation)
    assert_adds_up()


def _page(client: Client, name: str, *args: int) -> str:
    response = client.get(reverse(name, args=args))
    assert response.status_code == 200
    return response.content.decode()


def test_rw_9_the_dialog_says_what_comes_back_and_the_timeline_offers_it(client: Client) -> None:
    account, expiry = _lapsed()
    client.force_login(UserFactory())
    url = reverse("rewards:reinstate", args=[account.customer_id, expiry.pk])
    for place in ("activity:timeline", "rewards:points"):
        assert url in _page(client, place, account.customer_id)
    dialog = client.get(url).content.decode()
    assert "Reinstate 42 points?" in dialog
    assert "30 to the lot of 1 Mar 2026, until 31 Mar 2026" in dialog
    assert "The balance goes from 5 to 47" in dialog

    answer = client.post(
        url, {"idempotency_key": "form:1", "internal_note": "Was ill"}, follow=True
    )
    assert "42 points reinstated: balance 5 → 47." in answer.content.decode()
    client.post(url, {"idempotency_key": "form:1", "internal_note": "Was ill"})
    assert Operation.objects.filter(kind="reinstate").count() == 1
    timeline = _page(client, "activity:timeline", account.customer_id)
    assert "42 points reinstated" in timeline
    assert "Was ill" in timeline
    assert url not in timeline
    assert "Reinstated" in _page(client, "rewards:points", account.customer_id)

    undone = reverse("rewards:undo", args=[account.customer_id, Operation.objects.latest("pk").pk])
    assert undone in timeline
    client.post(undone)
    timeline = _page(client, "activity:timeline", account.customer_id)
    assert "Reinstatement undone: −42 points" in timeline


def test_rw_9_too_late_the_dialog_and_the_timeline_say_so(
    client: Client, clock: time_machine.Traveller
) -> None:
    account, expiry = _lapsed(reinstate_days=60)
    clock.shift(61 * DAY)
    client.force_login(UserFactory())
    url = reverse("rewards:reinstate", args=[account.customer_id, expiry.pk])
    for place in ("activity:timeline", "rewards:points"):
        page = _page(client, place, account.customer_id)
        assert url not in page
        assert "could be reinstated until 30 Apr 2026" in page
    assert "could be reinstated until 30 Apr 2026" in client.get(url).content.decode()
    answer = client.post(url, {"idempotency_key": "form:2"})
    assert answer.status_code == 422
    assert "could be reinstated until 30 Apr 2026" in answer.content.decode()


@pytest.mark.parametrize("lots", [2, 8])
def test_the_dialog_asks_as_many_queries_however_many_lots(client: Client, lots: int) -> None:
    account = holder()
    for _ in range(lots):
        give(account, 5, START)
    list(sweep(now=START))
    client.force_login(UserFactory())
    expiry = Operation.objects.get(kind="expire")
    url = reverse("rewards:reinstate", args=[account.customer_id, expiry.pk])
    client.get(url, headers=HTMX)  # warm the session
    with assert_queries("rewards: reinstate dialog"):
        client.get(url, headers=HTMX)


def test_an_auditor_is_not_offered_to_reinstate(client: Client) -> None:
    account, expiry = _lapsed()
    client.force_login(UserFactory(auditor=True))
    url = reverse("rewards:reinstate", args=[account.customer_id, expiry.pk])
    for place in ("activity:timeline", "rewards:points"):
        assert url not in _page(client, place, account.customer_id)
    assert client.post(url).status_code == 403
    assert client.get(reverse("rewards:reinstate", args=[account.customer_id, 0])).status_code in (
        403, 404,
    )  # fmt: skip


def test_ev_1_a_note_that_is_too_long_is_told_beside_its_field_and_stays(client: Client) -> None:
    account, expiry = _lapsed()
    client.force_login(UserFactory())
    url = reverse("rewards:reinstate", args=[account.customer_id, expiry.pk])
    note = "x" * 1001
    answer = client.post(url, {"idempotency_key": "form:3", "internal_note": note})
    assert answer.status_code == 422
    assert note in answer.content.decode()
    assert (
        client.get(reverse("rewards:reinstate", args=[account.customer_id, 0])).status_code == 404
    )
