"""What every act on a ledger is made of: who may, whether it happened before, credit and debit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import connection

from customers.models import Customer
from loyalty_admin.common.errors import (
    Conflict,
    InsufficientBalance,
    InvalidInput,
    NotEnrolled,
    StaleView,
)
from loyalty_admin.common.idempotency import check_key, check_same_input
from rewards.actions.posting import NewLot, Posting, Take
from rewards.models import Account, Entry, Lot, Operation, Program

MAX_UNITS = 10**9
RESERVED = (
    "order:", "again:", "event:", "refund:", "cancel:", "card:", "tier:", "mass:",
    "undo:", "expire:", "release:",
)  # fmt: skip
"""Keys that the ledger gives to its own acts; nobody else may take them first."""

_BEFORE = "SELECT id, fingerprint FROM rewards_operation WHERE idempotency_key = %s"


def find_replay(posting: Posting) -> Operation | None:
    """The operation that this very request made before, if it did.

    Looked up after the lock, so a twin that was waiting for it is seen. Raises
    IdempotencyConflict when the key was used for something else.
    """
    with connection.cursor() as cursor:
        cursor.execute(_BEFORE, [posting.idempotency_key])
        found = cursor.fetchone()
    if found is None:
        return None
    pk, signed = found
    check_same_input(signed, posting.fingerprint)
    return Operation.objects.get(pk=pk)


def credit(
    posting: Posting,
    account: Account,
    kind: Entry.Kind,
    amount: int,
    available_at: datetime,
    expires_at: datetime | None,
    *,
    rule_version_id: int | None = None,
    multiplier: Decimal = Decimal(1),
) -> None:
    """Add a credit that is available at once: it pays the account's debt first, if any."""
    paid = min(account.debt, amount)
    account.debt -= paid
    lot = NewLot(remaining=amount - paid, available_at=available_at, expires_at=expires_at)
    posting.add(
        account, kind, amount, lot=lot, rule_version_id=rule_version_id, multiplier=multiplier
    )


def debit(
    posting: Posting, account: Account, kind: Entry.Kind, amount: int, lots: Sequence[Lot]
) -> None:
    """Add a debit, taken from `lots` in their order. Raises InsufficientBalance."""
    if amount > account.balance:
        has = account.program.units(account.balance)
        raise InsufficientBalance(
            f"The balance is {has}; {amount:,} can't be taken from it.", field="amount"
        )
    posting.add(account, kind, -amount, takes=take_from(lots, amount))


def take_from(lots: Sequence[Lot], amount: int) -> list[Take]:
    """What to take from which lot for `amount` units, in the order given."""
    takes = []
    for lot in lots:
        if amount == 0:
            break
        if part := min(lot.remaining, amount):
            takes.append(Take(lot, part))
            amount -= part
    return takes


def expiry_of(program: Program, available_at: datetime, days: int | None) -> datetime | None:
    """When units that become available then expire: after `days`, or by the program's policy."""
    if days is None and program.expiry == Program.Expiry.PER_LOT:
        days = program.expiry_days
    return available_at + timedelta(days=days) if days else None


def check_own_key(key: str) -> None:
    """Raise InvalidInput for an idempotency key that a client may not choose."""
    check_key(key)
    if key.startswith(RESERVED):
        raise InvalidInput("This idempotency key is reserved.", field="idempotency_key")


def check_texts(**texts: str) -> None:
    """Raise InvalidInput for what the columns of an operation can't hold, by their names."""
    for name, text in texts.items():
        longest = int(getattr(Operation._meta.get_field(name), "max_length", 0))
        if len(text) > longest or "\x00" in text:
            raise InvalidInput(f"Enter at most {longest:,} ordinary characters.", field=name)


def check_open(account: Account) -> None:
    """Raise Conflict or NotEnrolled where balances can't be changed by hand."""
    program = account.program
    if not program.is_running:
        raise Conflict(f"{program} is not running, so its balances can't be changed.")
    check_member(account)


def check_member(account: Account) -> None:
    """Raise NotEnrolled where the customer is no member: nothing of theirs moves."""
    if account.customer.status != Customer.Status.MEMBER:
        raise NotEnrolled(
            f"{account.customer} is not a member, so the balance can't be changed. Enrol first."
        )


def check_fresh(account: Account, expected: int | None) -> None:
    """Raise StaleView when the balance is not what its reader saw."""
    if expected is not None and expected != account.balance:
        raise StaleView(
            f"The balance has changed meanwhile: it was {expected:,} and is now "
            f"{account.balance:,}. Check the new balance and save again."
        )
