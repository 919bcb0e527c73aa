"""Short words for tests of the ledger."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from loyalty_admin.common.actor import Actor
from rewards.actions.balances import adjust_balance, debit_balance
from rewards.actions.undo import reverse_operation
from rewards.models import Account, Lot, Operation
from rewards.selectors.integrity import find_discrepancies
from tests.factories import AccountFactory, ReasonCodeFactory

SYSTEM = Actor.system("test")


def adjust(account: Account, amount: int, **fields: Any) -> Operation:
    """An adjustment of this account, with a fresh key unless one is given."""
    if "reason_id" not in fields:
        fields["reason_id"] = ReasonCodeFactory(code="test").pk
    fields.setdefault("idempotency_key", str(uuid4()))
    fields.setdefault("actor", SYSTEM)
    return adjust_balance(
        customer_id=account.customer_id, program_id=account.program_id, amount=amount, **fields
    )


def debit(account: Account, amount: int, **fields: Any) -> Operation:
    """A debit of this account, with a fresh key unless one is given."""
    fields.setdefault("idempotency_key", str(uuid4()))
    fields.setdefault("actor", SYSTEM)
    return debit_balance(
        customer_id=account.customer_id, program_id=account.program_id, amount=amount, **fields
    )


def undo(operation: Operation, **fields: Any) -> Operation:
    """The reversal of this operation."""
    fields.setdefault("idempotency_key", str(uuid4()))
    fields.setdefault("actor", SYSTEM)
    return reverse_operation(operation_id=operation.pk, **fields)


def account_of(balance: int = 0, **fields: Any) -> Account:
    """An account that holds `balance` in one lot."""
    account: Account = AccountFactory(**fields)
    if balance:
        adjust(account, balance)
    account.refresh_from_db()
    return account


def balance_of(account: Account) -> int:
    """The balance as the database has it."""
    return Account.objects.values_list("balance", flat=True).get(pk=account.pk)


def lots_of(account: Account) -> list[int]:
    """What is left in each lot, oldest first."""
    return list(
        Lot.objects.filter(account=account).order_by("pk").values_list("remaining", flat=True)
    )


def assert_adds_up() -> None:
    """Every invariant of the ledger holds."""
    assert find_discrepancies() == []
