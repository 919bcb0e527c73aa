"""The proof that the ledger adds up: every invariant of every account, in SQL.

The invariants stand in `rewards.models.ledger`. Source: SPEC RW-15.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from django.db import connection

SHOWN = 1000
"""So many discrepancies are listed at most; the first ones tell enough."""

_CHECK = """
WITH entries AS (
    SELECT account_id,
           sum(amount) FILTER (WHERE bucket = 'available') AS available,
           sum(amount) FILTER (WHERE bucket = 'pending') AS pending,
           max(id) FILTER (WHERE bucket = 'available') AS last_available,
           max(id) FILTER (WHERE bucket = 'pending') AS last_pending
    FROM rewards_entry GROUP BY account_id
), lots AS (
    SELECT account_id,
           sum(remaining) FILTER (WHERE NOT is_pending) AS available,
           sum(remaining) FILTER (WHERE is_pending) AS pending
    FROM rewards_lot GROUP BY account_id
), sums AS (
    SELECT account.id, account.balance, account.pending, account.debt,
           coalesce(entries.available, 0) AS entries_available,
           coalesce(entries.pending, 0) AS entries_pending,
           coalesce(last_available.balance_after, 0) AS last_available,
           coalesce(last_pending.balance_after, 0) AS last_pending,
           coalesce(lots.available, 0) AS lots_available,
           coalesce(lots.pending, 0) AS lots_pending
    FROM rewards_account AS account
    LEFT JOIN entries ON entries.account_id = account.id
    LEFT JOIN rewards_entry AS last_available ON last_available.id = entries.last_available
    LEFT JOIN rewards_entry AS last_pending ON last_pending.id = entries.last_pending
    LEFT JOIN lots ON lots.account_id = account.id
), running AS (
    SELECT account_id, balance_after,
           sum(amount) OVER (PARTITION BY account_id, bucket ORDER BY id) AS expected
    FROM rewards_entry
)
SELECT check_name, sums.id, expected, found
FROM sums, LATERAL (VALUES
    ('balance is not the sum of its entries', balance, entries_available),
    ('balance is not the last balance after', balance, last_available),
    ('balance is not what the lots hold less the debt', balance, lots_available - debt),
    ('pending is not the sum of its entries', pending, entries_pending),
    ('pending is not the last pending after', pending, last_pending),
    ('pending is not what the pending lots hold', pending, lots_pending)
) AS checks (check_name, expected, found)
WHERE expected <> found
UNION ALL
SELECT 'a lot does not hold its grant less its allocations', lot.account_id,
       lot.granted - coalesce(sum(allocation.amount), 0), lot.remaining
FROM rewards_lot AS lot
LEFT JOIN rewards_allocation AS allocation ON allocation.lot_id = lot.id
GROUP BY lot.id
HAVING lot.remaining <> lot.granted - coalesce(sum(allocation.amount), 0)
UNION ALL
SELECT 'an entry does not follow from the one before', account_id, expected, balance_after
FROM running WHERE expected <> balance_after
LIMIT %s
"""


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """One invariant that does not hold, in units."""

    problem: str
    account_id: int
    expected: int
    found: int

    def as_json(self) -> dict[str, object]:
        """The same as plain values."""
        return asdict(self)


def find_discrepancies() -> list[Discrepancy]:
    """Every invariant that does not hold; empty when the ledger adds up.

    One statement sees one snapshot, so acts that go on meanwhile are no discrepancies.
    """
    with connection.cursor() as cursor:
        cursor.execute(_CHECK, [SHOWN])
        rows = cursor.fetchall()
    return [
        Discrepancy(problem, account, int(expected), int(found))
        for problem, account, expected, found in rows
    ]
