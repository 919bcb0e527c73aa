"""Balances put right by hand: adjust, debit and undo."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from activity.actions.recording import Act, record_act
from loyalty_admin.common.actor import Actor
from loyalty_admin.common.errors import (
    InvalidInput,
)
from loyalty_admin.staff.permissions import Perm, authorise
from rewards.actions.consequences import follow
from rewards.actions.locking import lock_account
from rewards.actions.moving import (
    MAX_UNITS,
    check_fresh,
    check_open,
    check_own_key,
    check_texts,
    credit,
    debit,
    expiry_of,
    find_replay,
)
from rewards.actions.posting import Posting, post
from rewards.actions.settling import settle
from rewards.models import Account, Entry, Operation

ADJUSTED = "ledger.adjusted"
SPENT = "ledger.spent"
MAX_EXPIRY_DAYS = 3650
DEFAULT_COMMENT = "Manual adjustment"


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
    check_own_key(idempotency_key)
    _check_adjustment(amount, expires_in_days)
    check_texts(internal_note=internal_note, customer_comment=customer_comment)
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
        check_open(account)
        check_fresh(account, expected_balance)
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
    check_own_key(idempotency_key)
    check_texts(internal_note=internal_note, customer_comment=customer_comment, reference=reference)
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
        check_open(account)
        check_fresh(account, expected_balance)
        debit(posting, account, Entry.Kind.SPENT, amount, lots)
        return _finish(posting, account, -amount, event=SPENT, extra={"reference": reference})


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
    if amount > 0:
        follow(posting.actor, [account], posting.occurred_at)
    return operation
