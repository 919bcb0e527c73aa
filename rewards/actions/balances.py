"""Balances put right by hand: adjust, debit and undo."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.utils import timezone

from activity.actions.recording import Act, record_act
from customers.models import Customer
from loyalty_admin.common.actor import Actor
from loyalty_admin.common.errors import (
    Conflict,
    InsufficientBalance,
    InvalidInput,
    NotEnrolled,
    StaleView,
)
from loyalty_admin.common.idempotency import check_key, check_same_input
from loyalty_admin.staff.permissions import Perm, authorise
from rewards.actions.locking import lock_account
from rewards.actions.posting import NewLot, Posting, Take, post
from rewards.actions.settling import settle
from rewards.models import Account, Entry, Lot, Operation, Program

ADJUSTED = "ledger.adjusted"
SPENT = "ledger.spent"
MAX_UNITS = 10**9
RESERVED = (
    "order:", "again:", "event:", "refund:", "cancel:", "card:", "tier:", "mass:",
    "undo:", "expire:", "release:",
)  # fmt: skip
"""Keys that the ledger gives to its own acts; nobody else may take them first."""
MAX_EXPIRY_DAYS = 3650
DEFAULT_COMMENT = "Manual adjustment"

_BEFORE = "SELECT id, fingerprint FROM rewards_operation WHERE idempotency_key = %s"


def adjust_balance(
    *,
    actor: Actor,
    customer_id: int,
    program_id: int,
    amount: int,
    reason_id: int,
    idempotency_key: str,
    internal_note: str = "",
    customer_comment: str = DEFAULT_COMMENT,
    expires_in_days: int | None = None,
    counts_for_tier: bool = True,
    expected_balance: int | None = None,
) -> Operation:
    """Credit (amount > 0) or debit (amount < 0) an account by hand, in units.

    `expires_in_days` is for credits; None means the program's policy. `expected_balance`
    is the balance that the actor saw. Raises InsufficientBalance for a debit larger than
    the balance, StaleView when the balance has moved meanwhile, NotEnrolled, InvalidInput,
    IdempotencyConflict.
    """
    authorise(actor, Perm.BALANCE_ADJUST)
    _check_key(idempotency_key)
    _check_adjustment(amount, expires_in_days)
    _check_texts(internal_note=internal_note, customer_comment=customer_comment)
    with transaction.atomic(durable=True):
        account = lock_account(customer_id, program_id)
        now = timezone.now()
        posting = Posting(
            actor=actor,
            customer_id=customer_id,
            kind=Operation.Kind.ADJUST,
            idempotency_key=idempotency_key,
            occurred_at=now,
            reason_id=reason_id,
            internal_note=internal_note,
            customer_comment=customer_comment,
            counts_for_tier=counts_for_tier,
        )
        posting.sign(program=program_id, amount=amount, expires_in_days=expires_in_days)
        if replay := find_replay(posting):
            return replay
        # A credit spends nothing, so it need not look at the lots.
        lots = settle(account, now) if amount < 0 else []
        _check_open(account)
        _check_fresh(account, expected_balance)
        if amount > 0:
            expires_at = expiry_of(account.program, now, expires_in_days)
            credit(posting, account, Entry.Kind.ADJUSTED, amount, now, expires_at)
        else:
            expires_at = None
            debit(posting, account, Entry.Kind.ADJUSTED, -amount, lots)
        return _finish(posting, account, amount, event=ADJUSTED, extra={"expires_at": expires_at})


def debit_balance(
    *,
    actor: Actor,
    customer_id: int,
    program_id: int,
    amount: int,
    idempotency_key: str,
    reference: str = "",
    internal_note: str = "",
    customer_comment: str = "",
    expected_balance: int | None = None,
) -> Operation:
    """Take `amount` units (> 0) that the customer used at the counter.

    `reference` names the receipt or order. Raises what `adjust_balance` raises.
    """
    authorise(actor, Perm.BALANCE_SPEND)
    _check_key(idempotency_key)
    _check_texts(
        internal_note=internal_note, customer_comment=customer_comment, reference=reference
    )
    if not 0 < amount <= MAX_UNITS:
        raise InvalidInput(f"Enter a whole number from 1 to {MAX_UNITS:,}.", field="amount")
    with transaction.atomic(durable=True):
        account = lock_account(customer_id, program_id)
        now = timezone.now()
        posting = Posting(
            actor=actor,
            customer_id=customer_id,
            kind=Operation.Kind.DEBIT,
            idempotency_key=idempotency_key,
            occurred_at=now,
            reference=reference,
            internal_note=internal_note,
            customer_comment=customer_comment,
        )
        posting.sign(program=program_id, amount=amount)
        if replay := find_replay(posting):
            return replay
        lots = settle(account, now)
        _check_open(account)
        _check_fresh(account, expected_balance)
        debit(posting, account, Entry.Kind.SPENT, amount, lots)
        return _finish(posting, account, -amount, event=SPENT, extra={"reference": reference})


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
) -> None:
    """Add a credit that is available at once: it pays the account's debt first, if any."""
    paid = min(account.debt, amount)
    account.debt -= paid
    lot = NewLot(remaining=amount - paid, available_at=available_at, expires_at=expires_at)
    posting.add(account, kind, amount, lot=lot, rule_version_id=rule_version_id)


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


def _check_key(key: str) -> None:
    check_key(key)
    if key.startswith(RESERVED):
        raise InvalidInput("This idempotency key is reserved.", field="idempotency_key")


def _check_texts(**texts: str) -> None:
    for name, text in texts.items():
        longest = int(getattr(Operation._meta.get_field(name), "max_length", 0))
        if len(text) > longest or "\x00" in text:
            raise InvalidInput(f"Enter at most {longest:,} ordinary characters.", field=name)


def _check_adjustment(amount: int, expires_in_days: int | None) -> None:
    if amount == 0:
        raise InvalidInput("An adjustment by zero changes nothing.", field="amount")
    if abs(amount) > MAX_UNITS:
        raise InvalidInput(f"Enter at most {MAX_UNITS:,} units.", field="amount")
    if expires_in_days is not None and not 1 <= expires_in_days <= MAX_EXPIRY_DAYS:
        raise InvalidInput(
            f"Enter 1 to {MAX_EXPIRY_DAYS:,} days, or leave it empty for the program's policy.",
            field="expires_in_days",
        )


def _check_open(account: Account) -> None:
    program = account.program
    if not program.is_running:
        raise Conflict(f"{program} is not running, so its balances can't be changed.")
    if account.customer.status != Customer.Status.MEMBER:
        raise NotEnrolled(
            f"{account.customer} is not a member, so the balance can't be changed. Enrol first."
        )


def _check_fresh(account: Account, expected: int | None) -> None:
    if expected is not None and expected != account.balance:
        raise StaleView(
            f"The balance has changed meanwhile: it was {expected:,} and is now "
            f"{account.balance:,}. Check the new balance and save again."
        )


def _finish(
    posting: Posting, account: Account, amount: int, *, event: str, extra: dict[str, object]
) -> Operation:
    before, after = account.balance - amount, account.balance
    operation = post(posting)
    data = {
        **account.program.in_words(),
        "units": amount,
        "before": before,
        "after": after,
        "reason": posting.reason_id,
        "internal_note": posting.internal_note,
        "customer_comment": posting.customer_comment,
        **extra,
    }
    act = Act(
        verb=event,
        object_type="operation",
        object_id=operation.pk,
        customer_id=posting.customer_id,
        before={"balance": before},
        after={"balance": after} | data,
    )
    record_act(posting.actor, act, kind=event, occurred_at=posting.occurred_at, data=data)
    return operation
