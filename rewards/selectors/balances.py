"""What a customer holds: balances with what is pending and what expires next, and history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import OuterRef, Prefetch, Q, Subquery

from loyalty_admin.common.errors import NotFound
from loyalty_admin.common.paging import Page, keyset_page
from rewards.models import Allocation, Entry, Program, Shortfall


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


_PROGRAM = [field.attname for field in Program._meta.concrete_fields]

# A lot leaves when it expires or when everything lapses by inactivity, whichever comes first;
# what leaves on the day of the first of them is told together.
_HOLDINGS = f"""
SELECT {", ".join(f"program.{column}" for column in _PROGRAM)},
       coalesce(account.id, 0), coalesce(account.balance, 0), coalesce(account.pending, 0),
       coalesce(account.debt, 0), coming.lapses_at, coalesce(coming.lapsing, 0),
       coming.available_at
FROM rewards_program AS program
LEFT JOIN rewards_account AS account
    ON account.program_id = program.id AND account.customer_id = %(customer)s
LEFT JOIN LATERAL (
    SELECT first_at AS lapses_at, min(available_at) FILTER (WHERE is_pending) AS available_at,
           sum(remaining) FILTER (WHERE NOT is_pending
               AND (lapses_at AT TIME ZONE %(zone)s)::date
                   = (first_at AT TIME ZONE %(zone)s)::date) AS lapsing
    FROM (
        SELECT remaining, is_pending, available_at,
               least(expires_at, account.expires_at) AS lapses_at,
               min(least(expires_at, account.expires_at)) FILTER (WHERE NOT is_pending) OVER ()
                   AS first_at
        FROM rewards_lot WHERE account_id = account.id AND remaining > 0
    ) AS open_lot
    GROUP BY first_at
) AS coming ON true
WHERE program.status = 'active' OR (program.status = 'paused' AND account.id IS NOT NULL)
ORDER BY program.kind, program.name, program.id
"""


def holdings_of(customer_id: int, *, time_zone: str, kind: str = "") -> list[Holding]:
    """The customer's holding in every program that runs or that they hold something in.

    `kind` keeps to points or stamps; days are those of `time_zone`. One query.
    """
    with connection.cursor() as cursor:
        cursor.execute(_HOLDINGS, {"customer": customer_id, "zone": time_zone})
        holdings = [_holding(row) for row in cursor.fetchall()]
    return [holding for holding in holdings if kind in ("", holding.program.kind)]


def _holding(row: Sequence[Any]) -> Holding:
    program = Program.from_db(connection.alias, _PROGRAM, row[: len(_PROGRAM)])
    account, balance, pending, debt, expires_at, expiring, available_at = row[len(_PROGRAM) :]
    return Holding(
        program, account, balance, pending, debt, expires_at, int(expiring), available_at
    )


def holding_of(customer_id: int, program_id: int, *, time_zone: str) -> Holding:
    """The same for one program. Raises NotFound."""
    for holding in holdings_of(customer_id, time_zone=time_zone):
        if holding.program.pk == program_id:
            return holding
    raise NotFound("There is no such program.")


def history_page(
    account_id: int,
    *,
    kind: str = "",
    params: Mapping[str, str],
    size: int = 25,
    with_lines: bool = False,
) -> Page[Entry]:
    """Entries of an account, newest first, with operation, order, lot and allocations.

    A pending lot that became available shows as one line, not as two. `missing` is what the
    operation could not take back. Two queries; a third `with_lines` of the orders.
    """
    entries = Entry.objects.filter(account_id=account_id).exclude(
        Q(bucket=Entry.Bucket.PENDING) & Q(kind=Entry.Kind.RELEASED)
    )
    if kind:
        entries = entries.filter(kind=kind)
    short = Shortfall.objects.filter(operation=OuterRef("operation"), account=OuterRef("account"))
    allocations = Allocation.objects.select_related("lot__entry").order_by("pk")
    entries = (
        entries.select_related(
            "lot",
            "rule_version__rule",
            "operation__order__store",
            "operation__reason",
            "operation__redemption__reward",
            "operation__reversed_by",
            "operation__reverses__redemption__reward",
        )
        .annotate(missing=Subquery(short.order_by().values("amount")[:1]))
        .prefetch_related(Prefetch("allocations", allocations))
    )
    if with_lines:
        entries = entries.prefetch_related("operation__order__lines")
    return keyset_page(entries, by="pk", params=params, size=size)
