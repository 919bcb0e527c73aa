"""What time does to an account: pending lots become available, old lots expire.

Every act that spends settles the account first, so that it never spends what is due to
expire nor misses what is due to arrive; the sweep does the same for accounts at rest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import uuid4

from django.db import transaction
from django.utils import timezone

from activity.actions.recording import Act, record_act
from customers.models import Customer
from loyalty_admin.common.actor import Actor
from rewards.actions.locking import lock_account, open_lots
from rewards.actions.posting import Posting, Take, post
from rewards.models import Account, Entry, Lot, Operation, Program

EXPIRED = "ledger.expired"
RELEASED = "ledger.released"


def settle_account(*, customer_id: int, program_id: int, now: datetime | None = None) -> list[Lot]:
    """Release and expire what is due in one account; returns its open lots afterwards.

    The system does this; safe to run at any time and as often as one likes.
    """
    with transaction.atomic(durable=True):
        return settle(lock_account(customer_id, program_id), now or timezone.now())


def settle(account: Account, now: datetime) -> list[Lot]:
    """The same for an account that is locked already.

    Returns the lots that can be spent, in the order in which debits take them: soonest
    expiry first, then oldest. For customers who were taken out of the programme, time
    stands still.
    """
    lots = open_lots(account)
    if account.customer.status == Customer.Status.REMOVED:
        return [lot for lot in lots if not lot.is_pending]
    if due := [lot for lot in lots if lot.is_pending and lot.available_at <= now]:
        _release(account, due, now)
        # A card that they filled, or a step that they reached, has moved lots as well.
        lots = open_lots(account)
    available = [lot for lot in lots if not lot.is_pending]
    if due := [lot for lot in available if _lapsed(account, lot, now)]:
        _expire(account, due, now)
    if account.expires_at and account.expires_at <= now:
        # Nothing was left that could lapse; what comes next has a time of its own.
        account.expires_at = None
    return [lot for lot in available if lot not in due]


def _lapsed(account: Account, lot: Lot, now: datetime) -> bool:
    idle = account.program.expiry == Program.Expiry.INACTIVITY
    ends = [at for at in (lot.expires_at, account.expires_at if idle else None) if at]
    return bool(ends) and min(ends) <= now


def _release(account: Account, due: Sequence[Lot], now: datetime) -> None:
    from rewards.actions.consequences import follow

    def add(posting: Posting) -> None:
        for lot in due:
            posting.release(account, lot)

    _settle_by(account, Operation.Kind.RELEASE, RELEASED, due, now, add)
    follow(Actor.system("release"), [account], now)


def _expire(account: Account, due: Sequence[Lot], now: datetime) -> None:
    def add(posting: Posting) -> None:
        takes = [Take(lot, lot.remaining) for lot in due]
        amount = sum(take.amount for take in takes)
        posting.add(account, Entry.Kind.EXPIRED, -amount, takes=takes)
        if account.expires_at and account.expires_at <= now:
            account.expires_at = None

    _settle_by(account, Operation.Kind.EXPIRE, EXPIRED, due, now, add)


def _settle_by(
    account: Account,
    kind: Operation.Kind,
    event: str,
    due: Sequence[Lot],
    now: datetime,
    add: Callable[[Posting], None],
) -> None:
    actor = Actor.system("expiry" if kind == Operation.Kind.EXPIRE else "release")
    posting = Posting(
        actor=actor,
        customer_id=account.customer_id,
        kind=kind,
        # The lock makes this act happen once; there is no client whose retry to recognise.
        idempotency_key=f"{kind}:{uuid4()}",
        occurred_at=now,
    )
    before, units = account.balance, sum(lot.remaining for lot in due)
    add(posting)
    operation = post(posting)
    data = {
        **account.program.in_words(),
        "units": units,
        "before": before,
        "after": account.balance,
    }
    act = Act(
        verb=event,
        object_type="operation",
        object_id=operation.pk,
        customer_id=account.customer_id,
        before={"balance": before},
        after={"balance": account.balance},
    )
    record_act(actor, act, kind=event, occurred_at=now, data=data)
