"""Units taken back: the lot that brought them gives first, then the others, then the policy."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import transaction

from rewards.actions.locking import lock_account
from rewards.actions.posting import Posting, post
from rewards.actions.settling import settle
from rewards.actions.taking_back import record_shortfalls, take_back
from rewards.models import Account, Entry, Operation, Shortfall
from tests.factories import ProgramFactory
from tests.rewards.ledger import SYSTEM, account_of, adjust, assert_adds_up, debit, lots_of

pytestmark = pytest.mark.django_db


def take(account: Account, *takings: tuple[Operation, int]) -> list[int]:
    """The shortfalls of taking back so much of what each operation brought, in one posting."""
    with transaction.atomic():
        locked = lock_account(account.customer_id, account.program_id)
        now = datetime.now(UTC)
        lots = settle(locked, now)
        posting = Posting(
            actor=SYSTEM, customer_id=account.customer_id, kind=Operation.Kind.REFUND,
            idempotency_key=str(uuid4()), occurred_at=now,
        )  # fmt: skip
        missing = [
            take_back(posting, locked, operation.entries.get(), units, lots)
            for operation, units in takings
        ]
        record_shortfalls(post(posting), [(locked, units) for units in missing])
    return missing


def test_the_own_lot_gives_first_though_others_expire_sooner() -> None:
    account = account_of()
    own, _soon = adjust(account, 30), adjust(account, 30, expires_in_days=5)
    assert take(account, (own, 20)) == [0]
    assert lots_of(account) == [10, 30]
    assert_adds_up()


def test_then_the_others_give_in_spending_order() -> None:
    account = account_of()
    own, late = adjust(account, 30, expires_in_days=1), adjust(account, 30, expires_in_days=90)
    soon = adjust(account, 30, expires_in_days=9)
    debit(account, 25)
    assert take(account, (own, 30)) == [0]
    assert [operation.entries.get().lot.remaining for operation in (own, late, soon)] == [0, 30, 5]
    assert_adds_up()


def test_several_entries_of_one_account_share_what_is_there() -> None:
    account = account_of()
    first, second = adjust(account, 30), adjust(account, 30)
    debit(account, 40)
    assert take(account, (first, 30), (second, 30)) == [10, 30]
    assert sorted(Shortfall.objects.values_list("amount", flat=True)) == [10, 30]
    assert lots_of(account) == [0, 0]
    assert_adds_up()


def test_where_the_program_may_go_below_zero_nothing_is_missing() -> None:
    account = account_of(program=ProgramFactory(clawback_below_zero=True))
    own = adjust(account, 30)
    debit(account, 25)
    assert take(account, (own, 30)) == [0]
    account.refresh_from_db()
    assert (account.balance, account.debt) == (-25, 25)
    adjust(account, 40)
    account.refresh_from_db()
    assert (account.balance, account.debt) == (15, 0)
    assert not Shortfall.objects.exists()
    assert_adds_up()


def test_what_has_expired_is_not_asked_of_others_nor_made_a_debt() -> None:
    for below_zero in (False, True):
        account = account_of(program=ProgramFactory(clawback_below_zero=below_zero))
        own = adjust(account, 30, expires_in_days=5)
        debit(account, 10)
        lot = own.entries.get().lot
        lot.expires_at = datetime.now(UTC) - timedelta(days=1)
        lot.save(update_fields=["expires_at"])
        adjust(account, 50)
        assert take(account, (own, 30)) == [0]
        account.refresh_from_db()
        assert account.balance == 40
    assert_adds_up()


def test_nothing_to_take_writes_no_entry() -> None:
    account = account_of()
    own = adjust(account, 30)
    debit(account, 30)
    assert take(account, (own, 30)) == [30]
    assert not Entry.objects.filter(kind=Entry.Kind.REVERSED).exists()
    assert Shortfall.objects.get().operation.kind == Operation.Kind.REFUND
