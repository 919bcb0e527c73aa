"""Expired units given back by hand, as long as the program allows it."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from activity.actions.recording import Act, record_act
from loyalty_admin.common.actor import Actor
from loyalty_admin.common.errors import AlreadyReversed, Conflict
from loyalty_admin.common.templatetags.ui import date_in_words
from loyalty_admin.staff.permissions import Perm, authorise
from rewards.actions.consequences import follow
from rewards.actions.giving_back import Returned, give_back
from rewards.actions.locking import lock_account
from rewards.actions.moving import check_open, check_own_key, check_texts, find_replay
from rewards.actions.posting import Posting, post
from rewards.actions.settling import settle
from rewards.models import Account, Operation
from rewards.selectors.expired import (
    expiry_entry,
    gone_with_their_orders,
    reinstatable_until,
)

REINSTATED = "ledger.reinstated"


def reinstate_units(
    *, actor: Actor, operation_id: int, idempotency_key: str, internal_note: str = ""
) -> Operation:
    """Give back what an expiry took, once: to each lot what it lost, for the program's grace.

    A debt that arose meanwhile is paid first. Raises NotFound, NotEnrolled, AlreadyReversed,
    Conflict when the program is not running or the time for it is over, IdempotencyConflict.
    """
    authorise(actor, Perm.BALANCE_REINSTATE)
    check_own_key(idempotency_key)
    check_texts(internal_note=internal_note)
    with transaction.atomic(durable=True):
        entry = expiry_entry(operation_id)
        account = lock_account(entry.customer_id, entry.account.program_id)
        now = timezone.now()
        posting = Posting(
            actor=actor,
            customer_id=entry.customer_id,
            kind=Operation.Kind.REINSTATE,
            idempotency_key=idempotency_key,
            occurred_at=now,
            reverses_id=operation_id,
            internal_note=internal_note,
        )
        posting.sign()
        if replay := find_replay(posting):
            return replay
        check_reinstatable(account, entry.operation, now)
        settle(account, now)
        before = account.balance
        gone = gone_with_their_orders(entry)
        if len(gone) == entry.allocations.count():
            raise Conflict("The orders that brought these units were cancelled or refunded.")
        returned = give_back(posting, account, entry, without=gone)
        operation = post(posting)
        _tell(operation, posting, account, before, returned)
        follow(actor, [account], now)
        return operation


def check_reinstatable(account: Account, expiry: Operation, now: datetime) -> None:
    """Raise AlreadyReversed, NotEnrolled or Conflict when an expiry can't be given back (any more).

    To be sure of the first, hold the account's lock.
    """
    if Operation.objects.filter(reverses_id=expiry.pk).exists():
        raise AlreadyReversed("These units have been reinstated already.")
    check_open(account)
    program = account.program
    if not program.reinstate_days:
        raise Conflict(f"In {program}, expired units can't be reinstated.")
    until = reinstatable_until(program, expiry.occurred_at)
    if until < now:
        days = f"{program.reinstate_days} day{'' if program.reinstate_days == 1 else 's'}"
        raise Conflict(
            f"These units could be reinstated until {date_in_words(until)}, {days} after they "
            "expired."
        )


def _tell(
    operation: Operation,
    posting: Posting,
    account: Account,
    before: int,
    returned: list[Returned],
) -> None:
    data = {
        **account.program.in_words(),
        "units": account.balance - before,
        "before": before,
        "after": account.balance,
        "expiry": posting.reverses_id,
        "internal_note": posting.internal_note,
        "lots": [asdict(lot) for lot in returned],
    }
    act = Act(
        verb=REINSTATED,
        object_type="operation",
        object_id=operation.pk,
        customer_id=posting.customer_id,
        before={"balance": before},
        after={"balance": account.balance} | data,
    )
    actor, at = posting.actor, posting.occurred_at
    record_act(actor, act, kind=REINSTATED, occurred_at=at, data=data)
