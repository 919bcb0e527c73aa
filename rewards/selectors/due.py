"""Accounts in which time has something to do, in batches of a size that a transaction can bear.

Those of customers who were taken out of the programme are among them; it is who locks the
accounts that leaves them alone.
"""

from __future__ import annotations

from datetime import datetime

from django.db import connection

_RELEASING = """
SELECT account_id, count(*) AS lots FROM rewards_lot
WHERE is_pending AND remaining > 0 AND available_at <= %(now)s
GROUP BY account_id
"""
# By a date of their own, or because nothing has happened in the account for too long.
_EXPIRING = """
SELECT account_id, sum(lots)::bigint AS lots FROM (
    SELECT account_id, count(*) AS lots FROM rewards_lot
    WHERE NOT is_pending AND remaining > 0 AND expires_at <= %(now)s
    GROUP BY account_id
    UNION ALL
    SELECT a.id, greatest(count(lot.id), 1) FROM rewards_account AS a
    LEFT JOIN rewards_lot AS lot
        ON lot.account_id = a.id AND lot.remaining > 0 AND NOT lot.is_pending
    WHERE a.expires_at <= %(now)s
    GROUP BY a.id
) AS due GROUP BY account_id
"""
# Whole days of the store, so that what leaves on one day is told together; and no day twice.
_WARNING = """
WITH widest AS MATERIALIZED (
    SELECT %(now)s + (max(warning_days) + 2) * interval '24 hours' AS ends FROM rewards_program
), leaving AS (
    SELECT account_id, expires_at AS leaves_at FROM rewards_lot
    WHERE remaining > 0 AND expires_at > %(now)s AND expires_at < (SELECT ends FROM widest)
    UNION ALL
    SELECT a.id, a.expires_at FROM rewards_account AS a
    JOIN rewards_lot AS lot ON lot.account_id = a.id AND lot.remaining > 0
    WHERE a.expires_at > %(now)s AND a.expires_at < (SELECT ends FROM widest)
)
SELECT account_id, count(*) AS lots
FROM leaving
JOIN rewards_account AS a ON a.id = leaving.account_id
JOIN rewards_program AS p ON p.id = a.program_id
WHERE (leaves_at AT TIME ZONE %(zone)s)::date
      <= (%(now)s AT TIME ZONE %(zone)s)::date + p.warning_days
  AND NOT EXISTS (
      SELECT FROM rewards_expirywarning AS w
      WHERE w.account_id = leaving.account_id
        AND w.expires_on = (leaves_at AT TIME ZONE %(zone)s)::date)
GROUP BY account_id
"""
_IN_BATCHES = """
SELECT array_agg(account_id ORDER BY account_id)
FROM (
    SELECT account_id, div(sum(lots) OVER (ORDER BY account_id) - 1, %(most)s) AS batch
    FROM ({due}) AS due
) AS batches
GROUP BY batch ORDER BY batch
"""


def accounts_to_release(now: datetime, *, lots: int) -> list[list[int]]:
    """Accounts with pending lots that are available by now, by key, about `lots` to a batch."""
    return _batches(_RELEASING, now, lots)


def accounts_to_expire(now: datetime, *, lots: int) -> list[list[int]]:
    """Accounts with lots that have expired by now, by key, about `lots` to a batch."""
    return _batches(_EXPIRING, now, lots)


def accounts_to_warn(now: datetime, *, zone: str, lots: int) -> list[list[int]]:
    """Accounts that lose units within their program's days of warning and were not told."""
    return _batches(_WARNING, now, lots, zone=zone)


def _batches(due: str, now: datetime, most: int, **values: str) -> list[list[int]]:
    with connection.cursor() as cursor:
        cursor.execute(_IN_BATCHES.format(due=due), {"now": now, "most": most, **values})
        return [account_ids for (account_ids,) in cursor.fetchall()]
