"""Two who act on one account at the same moment; each race with a control without the lock."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from uuid import uuid4

import pytest

from loyalty_admin.common.errors import AlreadyReversed, InsufficientBalance
from rewards.actions import locking
from rewards.actions.settling import settle_account
from rewards.models import Account, Entry, Operation
from rewards.selectors.integrity import find_discrepancies
from tests.concurrency.threads import together
from tests.factories import AccountFactory, ReasonCodeFactory
from tests.rewards.ledger import account_of, adjust, assert_adds_up, balance_of, debit, undo

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.race]


@pytest.fixture
def no_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the row locks away: what remains must show that they were needed."""
    monkeypatch.setattr(locking, "FOR_UPDATE", "")


def _fifty_debits() -> tuple[Account, list[Operation | Exception]]:
    account = account_of(100)
    return account, together([partial(debit, account, 10) for _ in range(50)])


def test_fifty_debits_of_ten_from_a_hundred_let_ten_through() -> None:
    account, outcomes = _fifty_debits()
    refused = [outcome for outcome in outcomes if isinstance(outcome, InsufficientBalance)]
    done = [outcome for outcome in outcomes if isinstance(outcome, Operation)]
    assert (len(done), len(refused)) == (10, 40)
    assert balance_of(account) == 0
    assert_adds_up()


def test_control_without_the_lock_the_debits_go_wrong(no_locks: None) -> None:
    account, outcomes = _fifty_debits()
    done = [outcome for outcome in outcomes if isinstance(outcome, Operation)]
    assert len(done) != 10 or balance_of(account) != 0 or find_discrepancies()


def _twins() -> tuple[Account, list[Operation | Exception]]:
    account, reason = account_of(), ReasonCodeFactory(code="test")
    act: Callable[[], Operation] = partial(
        adjust, account, 40, reason_id=reason.pk, idempotency_key=str(uuid4())
    )
    return account, together([act] * 20)


def test_the_same_request_twenty_times_at_once_acts_once_and_answers_alike() -> None:
    account, outcomes = _twins()
    assert len({outcome.pk for outcome in outcomes if isinstance(outcome, Operation)}) == 1
    assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert balance_of(account) == 40
    assert_adds_up()


def test_control_without_the_lock_a_twin_fails(no_locks: None) -> None:
    _, outcomes = _twins()
    assert [outcome for outcome in outcomes if isinstance(outcome, Exception)]


def test_first_credits_at_once_open_one_account() -> None:
    unsaved = AccountFactory.build(customer=account_of().customer, program=account_of().program)
    reason = ReasonCodeFactory(code="test")
    outcomes = together([partial(adjust, unsaved, 1, reason_id=reason.pk) for _ in range(20)])
    assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    account = Account.objects.get(customer=unsaved.customer, program=unsaved.program)
    assert account.balance == 20
    assert_adds_up()


def _undone_at_once() -> tuple[Account, list[Operation | Exception]]:
    account = account_of(100)
    operation = debit(account, 60)
    return account, together([partial(undo, operation) for _ in range(20)])


def test_an_operation_is_undone_once_by_twenty_people() -> None:
    account, outcomes = _undone_at_once()
    assert sum(isinstance(outcome, Operation) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, AlreadyReversed) for outcome in outcomes) == 19
    assert balance_of(account) == 100
    assert_adds_up()


def test_control_without_the_lock_undo_meets_the_constraint(no_locks: None) -> None:
    _, outcomes = _undone_at_once()
    assert sum(isinstance(outcome, AlreadyReversed) for outcome in outcomes) < 19


def test_two_sweeps_and_debits_at_once_expire_each_lot_once() -> None:
    account = AccountFactory()
    for _ in range(5):
        _backdated(adjust(account, 10, expires_in_days=1))
    adjust(account, 50)
    sweep = partial(settle_account, customer_id=account.customer_id, program_id=account.program_id)
    acts: list[Callable[[], object]] = [sweep, sweep]
    acts += [partial(debit, account, 10) for _ in range(10)]
    together(acts)
    assert sum(entry.amount for entry in Entry.objects.filter(kind="expired")) == -50
    assert balance_of(account) == 0
    assert_adds_up()


def _backdated(operation: Operation) -> None:
    lot = operation.entries.get().lot
    lot.expires_at = operation.occurred_at
    lot.save(update_fields=["expires_at"])
