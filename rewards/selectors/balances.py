"""What a customer holds: balances with what is pending and what expires next, and history."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.db.models import FilteredRelation, Prefetch, Q
from django.db.models.functions import Coalesce

from loyalty_admin.common.errors import NotFound
from loyalty_admin.common.paging import Page, keyset_page
from rewards.models import Allocation, Entry, Program


@dataclass(frozen=True, slots=True)
class Holding:
    """One program as a customer holds it, in units; `account_id` is 0 before the first one.

    `expiring` units leave on the day of `expires_at`, unless spent before.
    """

    program: Program
    account_id: int
    balance: int
    pending: int
    debt: int
    expires_at: datetime | None
    expiring: int
    available_at: datetime | None


_NEXT = """
SELECT account_id, next_expiry,
       coalesce(sum(remaining) FILTER (WHERE NOT is_pending
           AND (expires_at AT TIME ZONE %s)::date = (next_expiry AT TIME ZONE %s)::date), 0),
       min(available_at) FILTER (WHERE is_pending)
FROM (
    SELECT account_id, remaining, is_pending, expires_at, available_at,
           min(expires_at) FILTER (WHERE NOT is_pending) OVER (PARTITION BY account_id)
               AS next_expiry
    FROM rewards_lot WHERE account_id = ANY(%s) AND remaining > 0
) AS open_lots
GROUP BY account_id, next_expiry
"""


def holdings_of(customer_id: int, *, time_zone: str, kind: str = "") -> list[Holding]:
    """The customer's holding in every program that runs or that they hold something in.

    `kind` keeps to points or stamps; days are those of `time_zone`. Two queries.
    """
    own = FilteredRelation("account", condition=Q(account__customer=customer_id))
    programs = (
        Program.objects.exclude(status=Program.Status.DRAFT)
        .annotate(own=own)
        .filter(Q(status=Program.Status.ACTIVE) | Q(own__isnull=False))
        .annotate(
            account_id=Coalesce("own__pk", 0),
            balance=Coalesce("own__balance", 0),
            pending=Coalesce("own__pending", 0),
            debt=Coalesce("own__debt", 0),
        )
        .order_by("name", "pk")
    )
    rows = list(programs.filter(kind=kind) if kind else programs)
    next_of = _next_dates([program.account_id for program in rows], time_zone)
    nothing = (None, 0, None)
    return [
        Holding(
            program,
            program.account_id,
            program.balance,
            program.pending,
            program.debt,
            *next_of.get(program.account_id, nothing),
        )
        for program in rows
    ]


def _next_dates(
    account_ids: list[int], time_zone: str
) -> dict[int, tuple[datetime | None, int, datetime | None]]:
    with connection.cursor() as cursor:
        cursor.execute(_NEXT, [time_zone, time_zone, account_ids])
        return {
            account: (expires_at, int(expiring), available_at)
            for account, expires_at, expiring, available_at in cursor.fetchall()
        }


def holding_of(customer_id: int, program_id: int, *, time_zone: str) -> Holding:
    """The same for one program. Raises NotFound."""
    for holding in holdings_of(customer_id, time_zone=time_zone):
        if holding.program.pk == program_id:
            return holding
    raise NotFound("There is no such program.")


def history_page(
    account_id: int, *, kind: str = "", params: Mapping[str, str], size: int = 25
) -> Page[Entry]:
    """Entries of an account, newest first, with operation, order, lot and allocations.

    A pending lot that became available shows as one line, not as two. Two queries.
    """
    entries = Entry.objects.filter(account_id=account_id).exclude(
        Q(bucket=Entry.Bucket.PENDING) & Q(kind=Entry.Kind.RELEASED)
    )
    if kind:
        entries = entries.filter(kind=kind)
    entries = entries.select_related(
        "lot",
        "rule_version__rule",
        "operation__order__store",
        "operation__reason",
        "operation__reversed_by",
        "operation__reverses",
    ).prefetch_related(
        Prefetch("allocations", Allocation.objects.select_related("lot__entry").order_by("pk"))
    )
    return keyset_page(entries, by="pk", params=params, size=size)
