"""RW-15: the check finds what does not add up, and the database refuses to rewrite history."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, IntegrityError, connection, transaction

from loyalty_admin.common.errors import NotAllowed
from rewards.actions.integrity import check_ledgers
from rewards.models import Account, LedgerCheck, Lot, Operation
from rewards.selectors.integrity import find_discrepancies
from tests.factories import actor_for
from tests.rewards.ledger import account_of, adjust, debit

pytestmark = pytest.mark.django_db

APPEND_ONLY = [
    "rewards_operation",
    "rewards_entry",
    "rewards_allocation",
    "activity_event",
    "activity_auditrecord",
]


@pytest.mark.parametrize("table", APPEND_ONLY)
@pytest.mark.parametrize("statement", ["UPDATE {} SET id = id", "DELETE FROM {}"])
def test_history_can_not_be_rewritten_by_sql(table: str, statement: str) -> None:
    debit(account_of(10), 5)
    with pytest.raises(DatabaseError, match=r"Cannot (update|delete)"), transaction.atomic():
        _execute(statement.format(table))


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("rewards_account", "balance = -1"),
        ("rewards_account", "pending = -1"),
        ("rewards_account", "debt = -1"),
        ("rewards_lot", "remaining = -1"),
        ("rewards_lot", "remaining = granted + 1"),
    ],
)
def test_the_database_refuses_impossible_holdings(table: str, change: str) -> None:
    account_of(10)
    with pytest.raises(IntegrityError), transaction.atomic():
        _execute(f"UPDATE {table} SET {change}")


@pytest.mark.parametrize(
    "corruption",
    [
        "UPDATE rewards_account SET balance = balance + 1",
        "UPDATE rewards_account SET pending = pending + 1",
        "UPDATE rewards_account SET debt = debt + 1",
        "UPDATE rewards_lot SET remaining = remaining - 1",
        "UPDATE rewards_lot SET is_pending = true",
        """INSERT INTO rewards_entry (operation_id, account_id, customer_id, bucket, kind, amount,
               balance_after, occurred_at)
           SELECT operation_id, account_id, customer_id, bucket, kind, 5, balance_after, now()
           FROM rewards_entry LIMIT 1""",
    ],
)
def test_rw_15_every_corruption_is_found(corruption: str) -> None:
    adjust(account_of(10), 20)
    assert find_discrepancies() == []
    _execute(corruption)
    assert find_discrepancies()
    with pytest.raises(CommandError):
        call_command("check_ledgers")


def test_rw_15_the_result_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    account_of(10)
    call_command("check_ledgers")
    assert "1 accounts add up" in capsys.readouterr().out
    result = LedgerCheck.objects.get()
    assert (result.accounts, result.discrepancies) == (1, [])
    with pytest.raises(NotAllowed):
        check_ledgers(actor=actor_for())


def test_nothing_that_the_ledger_stands_on_can_be_deleted() -> None:
    account = account_of(10)
    for row in (
        account,
        account.customer,
        account.program,
        Lot.objects.get(),
        Operation.objects.get(),
    ):
        with pytest.raises((IntegrityError, DatabaseError)), transaction.atomic():
            row.delete()
    assert Account.objects.get() == account


def _execute(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)
