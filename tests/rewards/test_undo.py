"""Undo (RW-13): each lot gets back what it gave, once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from activity.models import Event
from loyalty_admin.common.errors import (
    AlreadyReversed,
    InsufficientBalance,
    NotAllowed,
    NotFound,
    NotReversible,
)
from rewards.actions.settling import settle_account
from rewards.models import Account, Entry, Lot, Operation
from tests.factories import AccountFactory, ProgramFactory, actor_for
from tests.rewards.ledger import (
    account_of,
    adjust,
    assert_adds_up,
    balance_of,
    debit,
    lots_of,
    undo,
)

pytestmark = pytest.mark.django_db


def test_rw_13_undo_of_a_credit_takes_its_own_units_back() -> None:
    account = AccountFactory()
    adjust(account, 10, expires_in_days=5)
    operation = adjust(account, 40)
    reversal = undo(operation)
    assert lots_of(account) == [10, 0]
    assert (reversal.kind, reversal.reverses) == (Operation.Kind.REVERSE, operation)
    event = Event.objects.get(kind="ledger.reversed")
    assert (event.data["before"], event.data["after"]) == (50, 10)
    assert_adds_up()


def test_rw_13_undo_of_a_debit_gives_each_lot_back_what_it_gave() -> None:
    account = AccountFactory()
    for amount, days in ((10, 10), (20, 20), (30, 30)):
        adjust(account, amount, expires_in_days=days)
    operation = debit(account, 45)
    assert lots_of(account) == [0, 0, 15]
    undo(operation)
    assert lots_of(account) == [10, 20, 30]
    assert balance_of(account) == 60
    assert_adds_up()


def test_rw_13_a_lot_that_expired_meanwhile_comes_back_with_grace() -> None:
    account = AccountFactory(program=ProgramFactory(grace_days=14))
    with time_machine.travel(datetime(2026, 1, 1, tzinfo=UTC), tick=False):
        adjust(account, 30, expires_in_days=10)
        operation = debit(account, 20)
    later = datetime(2026, 2, 1, tzinfo=UTC)
    with time_machine.travel(later, tick=False):
        undo(operation)
    lot = Lot.objects.get(account=account)
    assert (lot.remaining, lot.expires_at) == (20, later + timedelta(days=14))
    assert balance_of(account) == 20
    assert_adds_up()


def test_rw_13_an_operation_is_undone_once() -> None:
    account = account_of()
    operation = adjust(account, 40)
    first = undo(operation, idempotency_key="undo:1")
    assert undo(operation, idempotency_key="undo:1") == first
    with pytest.raises(AlreadyReversed):
        undo(operation, idempotency_key="undo:2")
    with pytest.raises(NotReversible):
        undo(first)
    assert balance_of(account) == 0
    assert_adds_up()


def test_undo_of_spent_units_is_refused_unless_the_program_allows_a_debt() -> None:
    account = account_of()
    operation = adjust(account, 40)
    debit(account, 25)
    with pytest.raises(InsufficientBalance) as refusal:
        undo(operation)
    assert "the balance is 15 points" in refusal.value.message
    assert balance_of(account) == 15
    account.program.clawback_below_zero = True
    account.program.save()
    undo(operation)
    account.refresh_from_db()
    assert (account.balance, account.debt) == (-25, 25)
    assert_adds_up()


def test_a_debt_is_paid_by_what_comes_next() -> None:
    account = account_of(program=ProgramFactory(clawback_below_zero=True))
    operation = adjust(account, 40)
    spent = debit(account, 40)
    undo(operation)
    adjust(account, 25, expires_in_days=1)
    account.refresh_from_db()
    assert (account.balance, account.debt) == (-15, 15)
    assert lots_of(account) == [0, 0]
    undo(spent)
    account.refresh_from_db()
    assert (account.balance, account.debt) == (25, 0)
    assert_adds_up()


def test_undo_takes_from_other_lots_when_its_own_is_spent() -> None:
    account = AccountFactory()
    operation = adjust(account, 40, expires_in_days=1)
    adjust(account, 100)
    debit(account, 30)
    undo(operation)
    assert lots_of(account) == [0, 70]
    assert_adds_up()


def test_undo_needs_the_permission_and_a_manual_operation() -> None:
    account = account_of(10)
    with time_machine.travel(datetime(2026, 1, 1, tzinfo=UTC), tick=False):
        adjust(account, 5, expires_in_days=1)
    settle_account(customer_id=account.customer_id, program_id=account.program_id)
    expiry = Operation.objects.get(kind=Operation.Kind.EXPIRE)
    with pytest.raises(NotReversible):
        undo(expiry)
    with pytest.raises(NotFound):
        undo(Operation(pk=10**9))
    with pytest.raises(NotAllowed):
        undo(expiry, actor=actor_for(auditor=True))


def test_settling_twice_expires_once() -> None:
    account: Account = AccountFactory()
    with time_machine.travel(datetime(2026, 1, 1, tzinfo=UTC), tick=False):
        adjust(account, 5, expires_in_days=1)
        adjust(account, 7, expires_in_days=2)
    for _ in range(2):
        settle_account(customer_id=account.customer_id, program_id=account.program_id)
    assert Entry.objects.filter(kind=Entry.Kind.EXPIRED).count() == 1
    assert balance_of(account) == 0
    assert_adds_up()
