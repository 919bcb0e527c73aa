"""Accounts in which time has something to do, in batches of a size that a transaction can bear.

Accounts of customers who were taken out of the programme are left alone: their time stands still.
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
_IN_BATCHES = """
SELECT array_agg(account_id ORDER BY account_id)
FROM (
    SELECT account_id, div(sum(lots) OVER (ORDER BY account_id) - 1, %(most)s) AS batch
    FROM ({due}) AS due
    JOIN rewards_account AS a ON a.id = due.account_id
    JOIN customers_customer AS c ON c.id = a.customer_id AND c.status <> 'removed'
) AS batches
GROUP BY batch ORDER BY batch
"""


def accounts_to_release(now: datetime, *, lots: int) -> list[list[int]]:
    """Accounts with pending lots that are available by now, by key, about `lots` to a batch."""
    return _batches(_RELEASING, now, lots)


def accounts_to_expire(now: datetime, *, lots: int) -> list[list[int]]:
    """Accounts with lots that have expired by now, by key, about `lots` to a batch."""
    return _batches(_EXPIRING, now, lots)


def _batches(due: str, now: datetime, most: int) -> list[list[int]]:
    with connection.cursor() as cursor:
        cursor.execute(_IN_BATCHES.format(due=due), {"now": now, "most": most})
        return [account_ids for (account_ids,) in cursor.fetchall()]
