"""RW-9: workers that sweep at the same moment, beside people, and killed half way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from threading import Thread
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from activity.models import Event
from loyalty_admin.common.errors import AlreadyReversed, InsufficientBalance
from rewards.actions import bulk_settling, locking, warning
from rewards.actions.reinstating import reinstate_units
from rewards.actions.sweeping import LOTS, Batch, sweep
from rewards.actions.warning import warn_of_expiry
from rewards.models import Account, Allocation, Entry, ExpiryWarning, Lot, Operation
from rewards.selectors.integrity import find_discrepancies
from tests.concurrency.threads import together
from tests.factories import ProgramFactory
from tests.rewards.expiry import DAY, give, holder
from tests.rewards.ledger import SYSTEM, assert_adds_up, debit

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.race]

ACCOUNTS = 40
WORKERS = 3


def _due(accounts: int = ACCOUNTS, *, ends: timedelta = -DAY) -> list[Account]:
    """Accounts with two lots that are due and one that is not."""
    program, now = ProgramFactory(), timezone.now()
    made = [holder(program=program) for _ in range(accounts)]
    for account in made:
        give(account, 5, now + ends)
        give(account, 7, now + ends)
        give(account, 11, now + 90 * DAY)
    return made


def _swept(lots: int) -> list[Batch]:
    return list(sweep(lots=lots))


def _each_lot_expired_once() -> bool:
    """Every lot that was due expired, and none twice."""
    due = Lot.objects.filter(expires_at__lte=timezone.now())
    taken = Allocation.objects.filter(entry__kind="expired")
    return (
        not due.filter(remaining__gt=0).exists()
        and sorted(taken.values_list("lot", flat=True)) == sorted(due.values_list("pk", flat=True))
        and Entry.objects.filter(kind="expired").count() == Account.objects.count()
    )


@pytest.mark.parametrize("lots", [6, LOTS])
def test_rw_9_workers_that_sweep_at_once_expire_each_lot_once(lots: int) -> None:
    _due()
    outcomes = together([partial(_swept, lots)] * WORKERS)
    batches = [batch for outcome in outcomes if isinstance(outcome, list) for batch in outcome]
    assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert sum(batch.accounts for batch in batches) == ACCOUNTS
    assert _each_lot_expired_once()
    assert_adds_up()


def test_control_without_the_lock_lots_expire_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_settling, "LOCK", "")
    _due()
    together([partial(_swept, LOTS)] * WORKERS)
    assert not _each_lot_expired_once()
    assert find_discrepancies()


def test_rw_9_a_sweep_waits_for_nobody_and_the_next_one_does_the_rest() -> None:
    held, *_ = _due(4)
    done: list[Batch] = []
    with transaction.atomic():
        locking.lock_account(held.customer_id, held.program_id)
        worker = Thread(target=_in_a_thread, args=(done,))
        worker.start()
        worker.join(timeout=30)
        assert not worker.is_alive()
    assert sum(batch.accounts for batch in done) == 3
    assert sum(batch.accounts for batch in _swept(LOTS)) == 1
    assert _each_lot_expired_once()


def _in_a_thread(done: list[Batch]) -> None:
    try:
        done += _swept(LOTS)
    finally:
        connection.close()


def test_rw_9_people_may_spend_while_it_sweeps() -> None:
    accounts = _due(20)
    acts: list[Callable[[], object]] = [partial(_swept, 6), partial(_swept, 6)]
    acts += [partial(debit, account, 11) for account in accounts]
    outcomes = together(acts)
    assert not [
        outcome
        for outcome in outcomes
        if isinstance(outcome, Exception) and not isinstance(outcome, InsufficientBalance)
    ]
    _swept(LOTS)
    assert _each_lot_expired_once()
    assert set(Account.objects.values_list("balance", flat=True)) == {0}
    assert_adds_up()


def test_rw_9_workers_that_warn_at_once_tell_each_account_once() -> None:
    _due(ends=3 * DAY)
    outcomes = together([partial(_warned)] * WORKERS)
    assert sum(outcome for outcome in outcomes if isinstance(outcome, int)) == ACCOUNTS
    assert ExpiryWarning.objects.count() == ACCOUNTS
    assert Event.objects.filter(kind="ledger.expiring").count() == ACCOUNTS


def test_control_without_the_constraints_word_a_worker_that_warns_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    careless = warning._WARN.replace("ON CONFLICT (account_id, expires_on) DO NOTHING", "")
    monkeypatch.setattr(warning, "_WARN", careless)
    _due(ends=3 * DAY)
    outcomes = together([partial(_warned)] * WORKERS)
    assert [outcome for outcome in outcomes if isinstance(outcome, DatabaseError)]


def _warned() -> int:
    return sum(warn_of_expiry())


def _reinstated_at_once() -> list[Operation | Exception]:
    _due(1)
    _swept(LOTS)
    expiry = Operation.objects.get(kind="expire")
    return together(
        [
            partial(
                reinstate_units, actor=SYSTEM, operation_id=expiry.pk, idempotency_key=f"key {n}"
            )
            for n in range(10)
        ]
    )


def test_rw_9_an_expiry_is_given_back_once_by_ten_people() -> None:
    outcomes = _reinstated_at_once()
    assert sum(isinstance(outcome, Operation) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, AlreadyReversed) for outcome in outcomes) == 9
    assert Account.objects.get().balance == 23
    assert_adds_up()


def test_control_without_the_lock_giving_back_ends_in_an_error_of_the_database(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(locking, "FOR_UPDATE", "")
    outcomes = _reinstated_at_once()
    assert [outcome for outcome in outcomes if isinstance(outcome, DatabaseError)]


@pytest.fixture(name="started")
def processes() -> Iterator[list[subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []
    yield started
    for process in started:
        process.kill()
        process.communicate()


def _start(
    started: list[subprocess.Popen[str]], lots: int, pause: float = 0
) -> subprocess.Popen[str]:
    """A worker as a process of its own, on the database of the tests."""
    url = urlsplit(os.environ["DATABASE_URL"])
    address = urlunsplit(url._replace(path=f"/{connection.settings_dict['NAME']}"))
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.concurrency.sweeper", str(lots), str(pause)],
        cwd=settings.BASE_DIR,
        env=os.environ | {"DATABASE_URL": address},
        stdout=subprocess.PIPE,
        text=True,
    )
    started.append(process)
    return process


def test_rw_9_killed_half_way_and_started_again_it_completes(
    started: list[subprocess.Popen[str]],
) -> None:
    _due()
    for lines in (1, 3):
        process = _start(started, 6, pause=0.05)
        assert process.stdout is not None
        for _ in range(lines):
            assert process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=30)
        expired = Operation.objects.filter(kind="expire").count()
        assert 0 < expired < ACCOUNTS, "it was killed half way"
        assert expired % 3 == 0, "a batch is written whole or not at all"
        assert_adds_up()
    workers = [_start(started, 6) for _ in range(2)]
    assert [worker.wait(timeout=60) for worker in workers] == [0, 0]
    assert _each_lot_expired_once()
    assert_adds_up()
