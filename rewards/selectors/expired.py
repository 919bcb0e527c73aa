"""What has expired, until when it can be given back, and what would come back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from customers.models import Order
from loyalty_admin.common.errors import NotFound
from rewards.models import Account, Entry, Operation, Program


@dataclass(frozen=True, slots=True)
class Fate:
    """What has become of an expiry: given back, or until when it can be."""

    reinstated: bool
    until: datetime


@dataclass(frozen=True, slots=True)
class Returning:
    """What one lot would get back, in units, and until when it could be spent (None: for good)."""

    units: int
    granted_at: datetime
    until: datetime | None


def reinstatable_until(program: Program, expired_at: datetime) -> datetime:
    """The last moment at which what expired then can be given back."""
    return expired_at + timedelta(days=program.reinstate_days)


def expiry_entry(operation_id: int, customer_id: int | None = None) -> Entry:
    """What an expiry took: its entry with account, program, customer and operation.

    Raises NotFound for what is no expiry, or not one of this customer.
    """
    known = {} if customer_id is None else {"customer_id": customer_id}
    entry = (
        Entry.objects.filter(
            operation_id=operation_id, operation__kind=Operation.Kind.EXPIRE, **known
        )
        .select_related("operation__reversed_by", "account__program", "account__customer")
        .first()
    )
    if entry is None:
        raise NotFound("There is no such expiry.")
    return entry


def gone_with_their_orders(expiry: Entry) -> set[int]:
    """The lots of an expiry whose orders were cancelled or wholly refunded.

    What such an order had earned was not asked for, because it had expired: it stays gone.
    """
    came_back = (Order.Status.CANCELLED, Order.Status.REFUNDED)
    lots = expiry.allocations.filter(lot__entry__operation__order__status__in=came_back)
    return set(lots.values_list("lot_id", flat=True))


def fates_of(operation_ids: Iterable[int]) -> Mapping[int, Fate]:
    """What has become of these expiries, by operation. One query."""
    rows = (
        Entry.objects.filter(operation_id__in=operation_ids, kind=Entry.Kind.EXPIRED)
        .select_related("account__program", "operation__reversed_by")
        .only(
            "occurred_at",
            "operation__id",
            "operation__reversed_by__id",
            "account__program__reinstate_days",
        )
    )
    return {
        entry.operation_id: Fate(
            getattr(entry.operation, "reversed_by", None) is not None,
            reinstatable_until(entry.account.program, entry.occurred_at),
        )
        for entry in rows
    }


def what_comes_back(entry: Entry, now: datetime) -> list[Returning]:
    """What each lot would get back now, after what pays the account's debt."""
    account = entry.account
    paid, back = min(account.debt, -entry.amount), []
    for allocation in entry.allocations.select_related("lot__entry").order_by("-pk"):
        kept = min(paid, allocation.amount)
        paid -= kept
        if allocation.amount > kept:
            lot = allocation.lot
            until = _until(account, lot.expires_at, now)
            back.append(Returning(allocation.amount - kept, lot.entry.occurred_at, until))
    return back


def _until(account: Account, expires_at: datetime | None, now: datetime) -> datetime | None:
    """With grace for what had expired; and no longer than the whole account has."""
    program = account.program
    grace = now + timedelta(days=program.grace_days)
    ends = [grace if expires_at <= now else expires_at] if expires_at else []
    if program.expiry == Program.Expiry.INACTIVITY:
        lapses = account.expires_at
        ends.append(lapses if lapses and lapses > now else grace)
    return min(ends, default=None)
