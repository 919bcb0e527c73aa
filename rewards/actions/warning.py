"""What is about to expire, told in time: once for each account and day.

Set-based, and safe to run twice or by two workers: whose warning is written first also tells
of it, the other one finds it there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from rewards.actions.bulk_settling import PLAN
from rewards.selectors.due import accounts_to_warn

EXPIRING = "ledger.expiring"
LOTS = 5_000
"""So many lots make a batch, about."""

# The days are the store's. A pending lot leaves with the others when it begins before.
_WARN = """
WITH leaving AS MATERIALIZED (
    SELECT lot.account_id, lot.customer_id, lot.remaining,
           (ends.at AT TIME ZONE %(zone)s)::date AS day
    FROM rewards_account AS a
    JOIN rewards_program AS p ON p.id = a.program_id
    JOIN customers_customer AS c ON c.id = a.customer_id AND c.status <> 'removed'
    JOIN rewards_lot AS lot ON lot.account_id = a.id AND lot.remaining > 0,
    LATERAL (SELECT least(lot.expires_at, a.expires_at) AS at) AS ends
    WHERE a.id = ANY(%(accounts)s) AND lot.account_id = ANY(%(accounts)s)
      AND ends.at > %(now)s
      AND (NOT lot.is_pending OR lot.available_at < ends.at)
      AND (ends.at AT TIME ZONE %(zone)s)::date
          <= (%(now)s AT TIME ZONE %(zone)s)::date + p.warning_days
), warning AS (
    INSERT INTO rewards_expirywarning (account_id, customer_id, expires_on, units, warned_at)
    SELECT account_id, customer_id, day, sum(remaining), %(now)s
    FROM leaving GROUP BY account_id, customer_id, day ORDER BY account_id, day
    ON CONFLICT (account_id, expires_on) DO NOTHING
    RETURNING id, account_id, customer_id, expires_on, units
), told AS MATERIALIZED (
    SELECT w.id, w.customer_id, jsonb_build_object(
        'program_id', p.id, 'program', p.name, 'unit_singular', p.unit_singular,
        'unit_plural', p.unit_plural, 'units', w.units, 'expires_on', w.expires_on) AS data
    FROM warning AS w
    JOIN rewards_account AS a ON a.id = w.account_id
    JOIN rewards_program AS p ON p.id = a.program_id
), event AS (
    INSERT INTO activity_event
        (customer_id, occurred_at, kind, object_id, data, recorded_at, actor_kind, actor_label)
    SELECT customer_id, %(now)s, %(event)s, id, data, %(now)s, 'system', 'expiry'
    FROM told ORDER BY id
), audit AS (
    INSERT INTO activity_auditrecord
        (at, verb, object_type, object_id, customer_id, after, request_id, actor_kind, actor_label)
    SELECT %(now)s, %(event)s, 'expiry_warning', id, customer_id, data, '', 'system', 'expiry'
    FROM told ORDER BY id
)
SELECT count(*) FROM told
"""


def warn_of_expiry(*, now: datetime | None = None, lots: int = LOTS) -> Iterator[int]:
    """Warn of what expires within each program's days of warning. The system does this.

    Tells of each batch, once it is committed, how many warnings it wrote.
    """
    now = now or timezone.now()
    for account_ids in accounts_to_warn(now, zone=settings.STORE_TIME_ZONE, lots=lots):
        with transaction.atomic(durable=True):
            warnings = _warn(account_ids, now)
        yield warnings


def _warn(account_ids: Sequence[int], now: datetime) -> int:
    parameters: dict[str, Any] = {
        "accounts": list(account_ids),
        "now": now,
        "zone": settings.STORE_TIME_ZONE,
        "event": EXPIRING,
    }
    with connection.cursor() as cursor:
        cursor.execute(PLAN)
        cursor.execute(_WARN, parameters)
        (written,) = cursor.fetchone()
    return int(written)
