"""What the numbers say of where customers stand on their ladders.

What counts, by the program's `tier_basis`:

- units: everything that was earned, pending or not, and credits given by hand that count for
  the tier; less what was taken back of them (refunds, cancellations, undo), whether or not it
  was still there to take. What was bought by units, given back, reinstated or became available
  counts for nothing. A refund is taken off the day of its order and an undo off the day of what
  it undoes, so that neither makes a window smaller than what was earned in it.
- money: the customer's orders in the program's currency, less what was refunded of them;
  cancelled orders count for nothing.

A window ends now and is `tier_window_days` times 24 hours long.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connection


@dataclass(frozen=True, slots=True)
class Standing:
    """A customer on the ladder of a running program; the ids are those of tiers.

    `measure` is in units or money; `earned_id` is the highest step in use that it reaches,
    `floor_id` the one that was given by hand, while it holds. The rest is the open membership.
    """

    customer_id: int
    program_id: int
    account_id: int | None
    measure: Decimal
    earned_id: int | None
    floor_id: int | None
    membership_id: int | None
    tier_id: int | None
    source: str | None
    since: datetime | None
    lapses_at: datetime | None
    floor_until: datetime | None


_BY_ACCOUNT = """
SELECT customer_id, program_id FROM rewards_account WHERE id = ANY(%(ids)s)
"""
_BY_CUSTOMER = """
SELECT c.id AS customer_id, p.id AS program_id
FROM customers_customer AS c CROSS JOIN rewards_program AS p
WHERE c.id = ANY(%(ids)s) AND p.tier_basis = ANY(%(bases)s)
"""

# What an act was, and of which day it is: found by its key, row by row, whatever the planner
# takes the tables for. OFFSET 0 keeps it from joining them whole.
_ACT = """
CROSS JOIN LATERAL (
    SELECT act.kind, undone.kind AS undone, coalesce(refunded.placed_at, undone.occurred_at) AS day
    FROM rewards_operation AS act
    LEFT JOIN rewards_operation AS undone ON undone.id = act.reverses_id
    LEFT JOIN customers_order AS refunded ON act.kind = 'refund' AND refunded.id = act.order_id
    WHERE act.id = {row}.operation_id AND act.counts_for_tier
    OFFSET 0
) AS act
"""
# An entry that is older than the window can't belong to it, nor take anything back from it.
_UNITS = f"""
SELECT entry.amount
FROM rewards_entry AS entry
{_ACT.format(row="entry")}
WHERE program.tier_basis IN ('lifetime_units', 'window_units')
  AND entry.account_id = account.id AND entry.kind IN ('earned', 'adjusted', 'reversed')
  AND entry.occurred_at > begins.at
  AND coalesce(act.day, entry.occurred_at) > begins.at
  AND ((act.kind = 'earn' AND entry.kind = 'earned')
       OR (act.kind = 'adjust' AND entry.amount > 0)
       OR act.kind = 'refund'
       OR (act.kind = 'reverse' AND act.undone = 'adjust' AND entry.amount < 0))
"""
_SHORT = f"""
SELECT -short.amount
FROM rewards_shortfall AS short
{_ACT.format(row="short")}
WHERE program.tier_basis IN ('lifetime_units', 'window_units')
  AND short.account_id = account.id
  AND coalesce(act.day, short.occurred_at) > begins.at
"""
_MONEY = """
SELECT sale.total - coalesce((SELECT sum(back.total) FROM customers_refund AS back
                              WHERE back.order_id = sale.id), 0)
FROM customers_order AS sale
WHERE program.tier_basis = 'window_spend'
  AND sale.customer_id = who.customer_id AND sale.placed_at > begins.at
  AND sale.currency = program.currency AND sale.status <> 'cancelled'
"""

MEASURED = f"""
CROSS JOIN LATERAL (
    SELECT CASE WHEN program.tier_basis = 'lifetime_units' THEN '-infinity'
                ELSE %(at)s::timestamptz - program.tier_window_days * interval '24 hours'
           END AS at
) AS begins
CROSS JOIN LATERAL (
    SELECT coalesce(sum(amount), 0) AS amount
    FROM ({_UNITS} UNION ALL {_SHORT} UNION ALL {_MONEY}) AS part (amount)
) AS measured
"""
"""What counts for the holder of `who` in `program` at a time, as a join: `measured.amount`.

It needs rows called `who` (with customer_id), `program` and, if there is one, `account`.
"""

_STANDINGS = f"""
SELECT who.customer_id, who.program_id, account.id, measured.amount, earned.id, floor.id,
       stands.id, stands.tier_id, stands.source, stands.since, stands.lapses_at,
       stands.floor_until
FROM ({{who}}) AS who
JOIN rewards_program AS program
    ON program.id = who.program_id AND program.status = 'active' AND program.tier_basis <> 'none'
JOIN customers_customer AS customer ON customer.id = who.customer_id
LEFT JOIN rewards_account AS account
    ON account.customer_id = who.customer_id AND account.program_id = who.program_id
{MEASURED}
LEFT JOIN LATERAL (
    SELECT tier.id, tier.threshold FROM rewards_tier AS tier
    WHERE tier.program_id = program.id AND tier.is_active AND tier.threshold <= measured.amount
    ORDER BY tier.threshold DESC LIMIT 1
) AS earned ON true
LEFT JOIN rewards_tiermembership AS stands
    ON stands.customer_id = who.customer_id AND stands.program_id = who.program_id
   AND stands.ended_at IS NULL
LEFT JOIN rewards_tier AS stood ON stood.id = stands.tier_id
LEFT JOIN rewards_tier AS floor
    ON floor.id = stands.floor_id AND floor.is_active
   AND (stands.floor_until IS NULL OR stands.floor_until > %(at)s)
"""

# The same question that `rewards.actions.tiers.evaluating` answers, as one condition.
_CHANGING = """
WHERE customer.status = 'member' AND CASE
    WHEN stands.id IS NULL THEN earned.id IS NOT NULL
    WHEN greatest(earned.threshold, floor.threshold) > stood.threshold THEN true
    WHEN earned.threshold >= stood.threshold THEN stands.lapses_at IS NOT NULL
    WHEN floor.threshold >= stood.threshold
         AND (stands.floor_until IS NULL
              OR stands.floor_until >= coalesce(stands.lapses_at, %(at)s::timestamptz
                                                + program.tier_grace_days * interval '24 hours'))
        THEN stands.lapses_at IS DISTINCT FROM stands.floor_until
    ELSE stands.lapses_at IS NULL OR stands.lapses_at <= %(at)s
END
"""
_IN_ORDER = "ORDER BY who.customer_id, who.program_id"

_LADDERS = ("lifetime_units", "window_units", "window_spend")
_SPEND = ("window_spend",)


def standings_of(customer_id: int, *, at: datetime) -> list[Standing]:
    """Where one customer is on the ladder of each running program that has one. One query."""
    values: dict[str, Any] = {"ids": [customer_id], "bases": list(_LADDERS), "at": at}
    return _ask(_BY_CUSTOMER, _IN_ORDER, values)


def changing_accounts(account_ids: Sequence[int], *, at: datetime) -> list[Standing]:
    """Of the holders of these accounts, those whose standing must change. One query."""
    return _ask(_BY_ACCOUNT, _CHANGING + _IN_ORDER, {"ids": list(account_ids), "at": at})


def changing_customers(
    customer_ids: Sequence[int], *, at: datetime, by_money_alone: bool = False
) -> list[Standing]:
    """Of these customers, those whose standing must change, with an account or without.

    `by_money_alone` keeps to the ladders that count money. One query.
    """
    bases = list(_SPEND if by_money_alone else _LADDERS)
    values = {"ids": list(customer_ids), "bases": bases, "at": at}
    return _ask(_BY_CUSTOMER, _CHANGING + _IN_ORDER, values)


def _ask(who: str, rest: str, values: dict[str, Any]) -> list[Standing]:
    with connection.cursor() as cursor:
        cursor.execute(_STANDINGS.format(who=who) + rest, values)
        return [Standing(*row) for row in cursor.fetchall()]
