"""RW-12: workers that die or meet, and people who act while a file is being applied.

Each race has a control without the lock, which has to go wrong.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from rewards.actions.mass_adjustments import applying, checking, running
from rewards.actions.mass_adjustments.batches import apply_batch, undo_batch
from rewards.actions.mass_adjustments.running import SILENCE, run_batch, wake_silent_batches
from rewards.models import Account, MassAdjustment, Operation, Program
from rewards.selectors.integrity import find_discrepancies
from tests.concurrency.threads import together
from tests.factories import CustomerFactory, ProgramFactory, ReasonCodeFactory
from tests.rewards.ledger import adjust, assert_adds_up, debit
from tests.rewards.mass import MARTA, checked

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.race]

PEOPLE, CHUNK = 400, 50
WORK = (
    "import django; django.setup(); from rewards.tasks import run_mass_adjustment as run; run({})"
)


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "CHUNK", CHUNK)


@pytest.fixture
def program() -> Program:
    made: Program = ProgramFactory()
    for number in range(PEOPLE):
        CustomerFactory(external_id=f"C-{number}", name=f"Customer {number}", search_text="x")
    return made


def lines() -> list[str]:
    """Two thousand rows: credits, debits that are covered and some that never are."""
    return [
        f"C-{number},{amount}"
        for amount in (100, -30, -1_000, 7, -7)
        for number in range(PEOPLE)
    ]  # fmt: skip


BALANCE, MOVED = 70, 4 * PEOPLE


def going(program: Program) -> MassAdjustment:
    batch = checked(program, *lines())
    assert (batch.rows, batch.chunks) == (5 * PEOPLE, 5 * PEOPLE // CHUNK)
    return apply_batch(actor=MARTA, batch_id=batch.pk)


def assert_applied_once(batch: MassAdjustment) -> None:
    batch.refresh_from_db()
    assert batch.status == MassAdjustment.Status.APPLIED
    assert (batch.done, batch.refused) == (5 * PEOPLE, PEOPLE)
    assert set(Account.objects.values_list("balance", flat=True)) == {BALANCE}
    assert Operation.objects.filter(idempotency_key__startswith="mass:").count() == MOVED
    assert_adds_up()


class Worker:
    """`run_mass_adjustment` in a process of its own, on the database of the tests."""

    started: list[subprocess.Popen[bytes]] = []  # noqa: RUF012 - so that none is left over

    def __init__(self, batch: MassAdjustment) -> None:
        url = urlsplit(os.environ["DATABASE_URL"])
        address = urlunsplit(url._replace(path=f"/{connection.settings_dict['NAME']}"))
        self.process = subprocess.Popen(
            [sys.executable, "-c", WORK.format(batch.pk)],
            cwd=settings.BASE_DIR,
            env=os.environ
            | {"DATABASE_URL": address, "DJANGO_SETTINGS_MODULE": "loyalty_admin.settings"},
        )
        self.started.append(self.process)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(timeout=30)


@pytest.fixture(autouse=True)
def _nobody_is_left_over() -> Iterator[None]:
    yield
    for process in Worker.started:
        process.kill()
        process.wait()
    Worker.started.clear()


def kill_in_the_middle(batch: MassAdjustment, chunk: int) -> int:
    """Let a worker come to an account of this chunk that somebody holds, and kill it there.

    It has then locked and opened what it needs, and written nothing of this chunk.
    """
    number = chunk * CHUNK + CHUNK // 2
    account, _new = Account.objects.get_or_create(
        customer__external_id=f"C-{number % PEOPLE}", program=batch.program,
        defaults={"customer_id": _customer(number % PEOPLE)},
    )  # fmt: skip
    with transaction.atomic():
        Account.objects.select_for_update().get(pk=account.pk)
        worker = Worker(batch)
        wait_for(lambda: _somebody_waits() or worker.process.poll() is not None)
        assert worker.process.poll() is None, "it ended before it could be killed"
        worker.kill()
    wait_for(lambda: not _somebody_waits())
    batch.refresh_from_db()
    return batch.done


def _customer(number: int) -> int:
    from customers.models import Customer

    return Customer.objects.get(external_id=f"C-{number}").pk


def _somebody_waits() -> bool:
    with connection.cursor() as cursor:
        # Within a transaction, what was seen first would be seen for ever.
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
            "AND datname = current_database()"
        )
        return bool(cursor.fetchone()[0])


def wait_for(what: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it never came to it"
        time.sleep(0.05)


def test_rw12_a_worker_killed_half_way_loses_and_doubles_nothing(program: Program) -> None:
    batch = going(program)
    for chunk, done in ((2, 100), (7, 350)):
        assert kill_in_the_middle(batch, chunk) == done
        assert Operation.objects.count() == done
        assert_adds_up()
    assert wake_silent_batches() == 0, "it has shown a sign of life a moment ago"
    assert wake_silent_batches(now=timezone.now() + 2 * SILENCE) == 1
    run_batch(batch.pk)
    assert_applied_once(batch)

    undo_batch(actor=MARTA, batch_id=batch.pk)
    # The last chunk is undone first: its customers are the last ones of the file.
    done = kill_in_the_middle(batch, PEOPLE // CHUNK - 3)
    assert done == 2 * CHUNK
    assert_adds_up()
    run_batch(batch.pk)
    batch.refresh_from_db()
    assert (batch.status, batch.done, batch.shortfall) == ("undone", MOVED, 0)
    assert set(Account.objects.values_list("balance", flat=True)) == {0}
    assert Operation.objects.count() == 2 * MOVED
    assert_adds_up()


def test_rw12_two_workers_apply_a_batch_once(program: Program) -> None:
    batch = going(program)
    outcomes = together([partial(run_batch, batch.pk)] * 2)
    steps = [outcome for outcome in outcomes if isinstance(outcome, int)]
    assert sum(steps) == batch.chunks
    assert all(steps), "one of them was never there: nothing was raced"
    assert_applied_once(batch)

    undo_batch(actor=MARTA, batch_id=batch.pk)
    assert not [o for o in together([partial(run_batch, batch.pk)] * 2) if isinstance(o, Exception)]
    assert set(Account.objects.values_list("balance", flat=True)) == {0}
    assert Operation.objects.count() == 2 * MOVED
    assert_adds_up()


def test_control_without_the_lock_two_workers_meet(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What remains is the key of each operation: a worker fails, and nothing is doubled."""
    monkeypatch.setattr(
        running,
        "lock_batch",
        lambda pk: MassAdjustment.objects.select_related("program").get(pk=pk),
    )
    batch = going(program)
    outcomes = together([partial(run_batch, batch.pk)] * 3)
    assert [outcome for outcome in outcomes if isinstance(outcome, Exception)]


def _meanwhile(program: Program) -> tuple[MassAdjustment, list[object]]:
    """A file is applied while people adjust and spend by hand, each their own amounts."""
    accounts = [
        Account.objects.create(customer_id=_customer(number), program=program)
        for number in range(0, PEOPLE, 40)
    ]
    reason = ReasonCodeFactory(code="test").pk
    for account in accounts:
        adjust(account, 500)
    batch = going(program)

    def by_hand(account: Account) -> None:
        for _ in range(10):
            adjust(account, 3, reason_id=reason)
            debit(account, 2)

    acts: list[Callable[[], object]] = [partial(run_batch, batch.pk)]
    acts += [partial(by_hand, account) for account in accounts]
    return batch, list(together(acts))


def test_rw12_adjusting_by_hand_while_a_file_is_applied_loses_nothing(program: Program) -> None:
    batch, outcomes = _meanwhile(program)
    assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    batch.refresh_from_db()
    assert batch.refused == PEOPLE
    balances = Account.objects.values_list("balance", flat=True)
    assert sorted(set(balances)) == [BALANCE, BALANCE + 510]
    assert_adds_up()


def test_control_without_the_lock_somebodys_units_are_lost(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(applying, "LOCK", applying.LOCK.replace("FOR UPDATE OF a", ""))
    _batch, outcomes = _meanwhile(program)
    assert find_discrepancies() or any(isinstance(o, Exception) for o in outcomes)
