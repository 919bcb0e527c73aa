"""Units taken back from whoever was given them: refunds, and batches that are undone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.db.models import Q, QuerySet, Sum

from rewards.actions.moving import take_from
from rewards.actions.posting import Posting, Take
from rewards.models import Account, Allocation, Entry, Lot, Operation, Shortfall


def take_back(
    posting: Posting, account: Account, entry: Entry, amount: int, lots: Sequence[Lot]
) -> int:
    """Take back `amount` (> 0) of the units that `entry` brought; the shortfall, in units.

    The account is locked and settled, and `lots` are what settling it left to spend. The
    entry's own lot gives first, pending or not, then the others in their order; what is taken
    leaves the lots in memory, too, so several entries of an account can be taken back in one
    posting. Units that have expired in the own lot are gone already and not asked of others.
    What has been spent becomes a debt where the program allows it; elsewhere it is the
    shortfall, for the caller to record with `record_shortfalls` once the posting is posted.
    """
    own = next((lot for lot in lots if lot.entry_id == entry.pk), None)
    own = own or Lot.objects.get(entry_id=entry.pk)
    taken = 0
    if own.is_pending:
        taken = _take(posting, account, entry, take_from([own], amount), Entry.Bucket.PENDING)
    missing = amount - taken
    others = [lot for lot in lots if lot is not own]
    takes = take_from([own] if not own.is_pending else [], missing)
    missing -= sum(take.amount for take in takes)
    missing -= min(missing, expired_since([own.pk], entry)) if missing else 0
    more = take_from(others, missing)
    missing -= sum(take.amount for take in more)
    debt = missing if account.program.clawback_below_zero else 0
    account.debt += debt
    _take(posting, account, entry, [*takes, *more], Entry.Bucket.AVAILABLE, debt)
    return missing - debt


def record_shortfalls(operation: Operation, missing: Iterable[tuple[Account, int]]) -> None:
    """Keep what an operation should have taken back and could not, by account, in units."""
    Shortfall.objects.bulk_create(
        Shortfall(
            operation=operation,
            account=account,
            customer_id=account.customer_id,
            amount=amount,
            occurred_at=operation.occurred_at,
        )
        for account, amount in missing
        if amount
    )


def _take(
    posting: Posting,
    account: Account,
    entry: Entry,
    takes: Sequence[Take],
    bucket: Entry.Bucket,
    debt: int = 0,
) -> int:
    """Add the entry that takes this, and `debt` more; how much it is in all."""
    for take in takes:
        take.lot.remaining -= take.amount
    units = sum(take.amount for take in takes) + debt
    if units:
        posting.add(
            account,
            Entry.Kind.REVERSED,
            -units,
            bucket=bucket,
            takes=takes,
            rule_version_id=entry.rule_version_id,
        )
    return units


def expired_since(lots: QuerySet[Lot] | Sequence[int], entry: Entry) -> int:
    """How many units of these lots have expired after the entry, and were not reinstated."""
    gone = Q(entry__kind=Entry.Kind.EXPIRED) | Q(entry__operation__kind=Operation.Kind.REINSTATE)
    undone = Q(entry__operation__reverses__kind=Operation.Kind.REINSTATE)
    taken = Allocation.objects.filter(gone | undone, lot__in=lots, entry__gt=entry.pk)
    return max(taken.aggregate(units=Sum("amount"))["units"] or 0, 0)
