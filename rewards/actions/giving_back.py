"""Units given back: each lot gets what it gave, however long ago that was."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from rewards.actions.posting import Posting, Take
from rewards.models import Account, Entry


@dataclass(frozen=True, slots=True)
class Returned:
    """What one lot got back, in units; `had_expired` when it comes back with grace."""

    units: int
    granted_at: datetime
    expires_at: datetime | None
    had_expired: bool


def give_back(
    posting: Posting, account: Account, entry: Entry, *, without: Collection[int] = ()
) -> list[Returned]:
    """Add the entry that undoes a debit: each lot gets back exactly what it gave.

    The account is locked and settled. A debt that arose meanwhile is paid first; a lot that
    has expired meanwhile comes back for the program's grace. The lots `without` get nothing.
    Says what each lot got.
    """
    allocations = [
        allocation
        for allocation in entry.allocations.select_related("lot__entry").order_by("-pk")
        if allocation.lot_id not in without
    ]
    total = sum(allocation.amount for allocation in allocations)
    paid = min(account.debt, total)
    account.debt -= paid
    takes, returned = [], []
    for allocation in allocations:
        kept = min(paid, allocation.amount)
        paid -= kept
        lot, units = allocation.lot, allocation.amount - kept
        if not units:
            continue
        had_expired = lot.expires_at is not None and lot.expires_at <= posting.occurred_at
        if had_expired:
            lot.expires_at = posting.occurred_at + timedelta(days=account.program.grace_days)
        takes.append(Take(lot, -units))
        returned.append(Returned(units, lot.entry.occurred_at, lot.expires_at, had_expired))
    posting.add(account, Entry.Kind.REVERSED, total, takes=takes)
    return returned
