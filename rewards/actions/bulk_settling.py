"""What time does to many accounts at once, set-based.

Writes exactly what `rewards.actions.settling.settle` writes for each of them; a test holds the
two together. One statement for each kind of act: the rows that it changes are looked up by
their keys, whatever the planner takes the tables for.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection
from django.utils import timezone

from loyalty_admin.common.actor import Actor
from rewards.actions.consequences import follow_many
from rewards.actions.settling import EXPIRED, RELEASED
from rewards.models import Operation

LOCK = "FOR UPDATE OF account SKIP LOCKED"
_LOCK_THEM = """
SELECT account.id
FROM rewards_account AS account
JOIN customers_customer AS customer ON customer.id = account.customer_id
WHERE account.id = ANY(%s) AND customer.status <> 'removed'
ORDER BY account.id
"""

# A batch is a small part of its tables: never read those whole for it. The lists of accounts,
# wherever a table is read by them, tell the planner how small.
PLAN = "SET LOCAL enable_seqscan = off; SET LOCAL enable_mergejoin = off; SET LOCAL jit = off"

_OPERATION = """
    INSERT INTO rewards_operation
        (id, customer_id, kind, internal_note, customer_comment, reference, counts_for_tier,
         idempotency_key, fingerprint, occurred_at, recorded_at, actor_kind, actor_label)
    SELECT operation_id, customer_id, %(kind)s, '', '', '', true,
           %(kind)s || ':' || gen_random_uuid(), '', %(now)s, %(recorded_at)s,
           'system', %(job)s
    FROM owner ORDER BY operation_id
"""
_EVENT = """
    INSERT INTO activity_event
        (customer_id, occurred_at, kind, object_id, data, recorded_at, actor_kind, actor_label)
    SELECT customer_id, %(now)s, %(event)s, operation_id,
           jsonb_build_object(
               'program_id', program_id, 'program', p.name, 'unit_singular', p.unit_singular,
               'unit_plural', p.unit_plural, 'units', units, 'before', before, 'after', after),
           %(recorded_at)s, 'system', %(job)s
    FROM owner JOIN rewards_program AS p ON p.id = owner.program_id ORDER BY operation_id
"""
_AUDIT = """
    INSERT INTO activity_auditrecord
        (at, verb, object_type, object_id, customer_id, before, after, request_id,
         actor_kind, actor_label)
    SELECT %(recorded_at)s, %(event)s, 'operation', operation_id, customer_id,
           jsonb_build_object('balance', before), jsonb_build_object('balance', after), '',
           'system', %(job)s
    FROM owner ORDER BY operation_id
"""

_EXPIRE = f"""
WITH due AS MATERIALIZED (
    SELECT lot.id AS lot_id, lot.account_id, lot.remaining, lot.expires_at
    FROM rewards_account AS a
    JOIN rewards_lot AS lot ON lot.account_id = a.id
    WHERE a.id = ANY(%(accounts)s) AND lot.account_id = ANY(%(accounts)s)
      AND lot.remaining > 0 AND NOT lot.is_pending
      AND least(lot.expires_at, a.expires_at) <= %(now)s
), owner AS MATERIALIZED (
    SELECT nextval('rewards_operation_id_seq') AS operation_id,
           nextval('rewards_entry_id_seq') AS entry_id,
           account_id, customer_id, program_id, units, before, before - units AS after
    FROM (
        SELECT a.id AS account_id, a.customer_id, a.program_id, a.balance AS before,
               sum(due.remaining)::bigint AS units
        FROM due JOIN rewards_account AS a ON a.id = due.account_id
        GROUP BY a.id ORDER BY a.id
    ) AS sums
), operation AS ({_OPERATION}), entry AS (
    INSERT INTO rewards_entry
        (id, operation_id, account_id, customer_id, bucket, kind, amount, balance_after,
         occurred_at)
    SELECT entry_id, operation_id, account_id, customer_id, 'available', 'expired', -units, after,
           %(now)s
    FROM owner ORDER BY entry_id
), allocation AS (
    INSERT INTO rewards_allocation (entry_id, lot_id, customer_id, amount)
    SELECT entry_id, lot_id, customer_id, remaining
    FROM due JOIN owner USING (account_id) ORDER BY entry_id, expires_at NULLS LAST, lot_id
), lot AS (
    UPDATE rewards_lot SET remaining = 0 FROM due WHERE rewards_lot.id = due.lot_id
), account AS (
    UPDATE rewards_account AS a
    SET balance = after,
        expires_at = CASE WHEN a.expires_at > %(now)s THEN a.expires_at END
    FROM owner WHERE a.id = owner.account_id AND a.id = ANY(%(accounts)s)
), event AS ({_EVENT}), audit AS ({_AUDIT})
SELECT count(*), (SELECT count(*) FROM due) FROM owner
"""
# Nothing was left in them that could lapse; what comes later has a time of its own.
_LAPSED_EMPTY = """
UPDATE rewards_account SET expires_at = NULL WHERE id = ANY(%(accounts)s) AND expires_at <= %(now)s
"""

# Each lot leaves the pending bucket and arrives in the other one, where it pays the debt first.
_RELEASE = f"""
WITH due AS MATERIALIZED (
    SELECT nextval('rewards_entry_id_seq') AS left_id, nextval('rewards_entry_id_seq') AS came_id,
           lots.*, greatest(least(remaining, debt - (total - remaining)), 0) AS paid
    FROM (
        SELECT lot.id AS lot_id, lot.account_id, lot.remaining, a.customer_id, a.program_id,
               a.balance, a.pending, a.debt,
               (sum(lot.remaining) OVER running)::bigint AS total
        FROM rewards_account AS a
        JOIN rewards_lot AS lot ON lot.account_id = a.id
        WHERE a.id = ANY(%(accounts)s) AND lot.account_id = ANY(%(accounts)s)
          AND lot.remaining > 0 AND lot.is_pending AND lot.available_at <= %(now)s
        WINDOW running AS (
            PARTITION BY lot.account_id ORDER BY lot.expires_at NULLS LAST, lot.id)
        ORDER BY lot.account_id, lot.expires_at NULLS LAST, lot.id
    ) AS lots
), owner AS MATERIALIZED (
    SELECT nextval('rewards_operation_id_seq') AS operation_id, sums.*, before + units AS after
    FROM (
        SELECT account_id, customer_id, program_id, balance AS before,
               sum(remaining)::bigint AS units, sum(paid)::bigint AS paid
        FROM due GROUP BY account_id, customer_id, program_id, balance ORDER BY account_id
    ) AS sums
), operation AS ({_OPERATION}), entry AS (
    INSERT INTO rewards_entry
        (id, operation_id, account_id, customer_id, bucket, kind, amount, balance_after,
         occurred_at)
    SELECT entry_id, operation_id, account_id, due.customer_id, bucket, 'released', amount,
           balance_after, %(now)s
    FROM due JOIN owner USING (account_id), LATERAL (VALUES
        (left_id, 'pending', -due.remaining, due.pending - due.total),
        (came_id, 'available', due.remaining, due.balance + due.total)
    ) AS line (entry_id, bucket, amount, balance_after)
    ORDER BY entry_id
), allocation AS (
    INSERT INTO rewards_allocation (entry_id, lot_id, customer_id, amount)
    SELECT came_id, lot_id, customer_id, paid FROM due WHERE paid > 0 ORDER BY came_id
), lot AS (
    UPDATE rewards_lot SET is_pending = false, remaining = rewards_lot.remaining - due.paid
    FROM due WHERE rewards_lot.id = due.lot_id
), account AS (
    UPDATE rewards_account AS a
    SET balance = after, pending = a.pending - units, debt = a.debt - owner.paid,
        expires_at = CASE WHEN a.expires_at IS NULL AND p.expiry = 'inactivity'
                          THEN %(now)s + p.grace_days * interval '24 hours'
                          ELSE a.expires_at END
    FROM owner JOIN rewards_program AS p ON p.id = owner.program_id
    WHERE a.id = owner.account_id AND a.id = ANY(%(accounts)s)
), event AS ({_EVENT}), audit AS ({_AUDIT})
SELECT count(*), (SELECT count(*) FROM due) FROM owner
"""


def lock_free(account_ids: Sequence[int]) -> list[int]:
    """Lock those of the accounts that nobody else holds; in the order of their keys.

    Leaves out whoever was taken out of the programme: for them, time stands still.
    """
    with connection.cursor() as cursor:
        cursor.execute(PLAN)
        cursor.execute(_LOCK_THEM + LOCK, [list(account_ids)])
        return [pk for (pk,) in cursor.fetchall()]


def release_many(account_ids: Sequence[int], now: datetime) -> tuple[int, int]:
    """Release what is due in these locked accounts, and what follows from it.

    Answers in how many accounts, and how many lots.
    """
    done = _settle(_RELEASE, Operation.Kind.RELEASE, RELEASED, "release", account_ids, now)
    follow_many(Actor.system("release"), account_ids, now)
    return done


def expire_many(account_ids: Sequence[int], now: datetime) -> tuple[int, int]:
    """Expire what is due in these locked accounts: in how many of them, and how many lots."""
    done = _settle(_EXPIRE, Operation.Kind.EXPIRE, EXPIRED, "expiry", account_ids, now)
    with connection.cursor() as cursor:
        cursor.execute(_LAPSED_EMPTY, {"accounts": list(account_ids), "now": now})
    return done


def _settle(
    statement: str, kind: str, event: str, job: str, account_ids: Sequence[int], now: datetime
) -> tuple[int, int]:
    parameters: dict[str, Any] = {
        "accounts": list(account_ids),
        "now": now,
        "recorded_at": timezone.now(),
        "kind": kind,
        "event": event,
        "job": job,
    }
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        accounts, lots = cursor.fetchone()
    return accounts, lots
