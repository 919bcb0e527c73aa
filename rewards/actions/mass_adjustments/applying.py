"""One chunk of a batch applied, set-based.

Writes for each row exactly what `rewards.actions.balances.adjust_balance` writes for a single
adjustment, and refuses what that refuses. A chunk holds each account once at most.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.utils import timezone

from loyalty_admin.common.actor import Actor
from rewards.actions.balances import ADJUSTED
from rewards.actions.consequences import follow_many
from rewards.actions.locking import lock_account
from rewards.actions.mass_adjustments.checking import has_too_little
from rewards.actions.settling import settle
from rewards.models import MassAdjustment

_ROWS = """
SET LOCAL jit = off;
CREATE TEMP TABLE mass_row ON COMMIT DROP AS
SELECT id AS row_id, line, customer_id, amount, reason_id, internal_note, customer_comment,
       expires_in_days
FROM rewards_massadjustmentrow
WHERE batch_id = %(batch)s AND chunk = %(chunk)s AND outcome = 'good'
ORDER BY line;
ANALYZE mass_row
"""

# As rewards.actions.locking does it: what is there is locked in the order of the keys, what is
# missing is opened, and then everything is locked. A debit opens no account: it is refused.
LOCK = """
SELECT count(*) FROM (
    SELECT a.id FROM mass_row AS r
    JOIN rewards_account AS a ON a.customer_id = r.customer_id AND a.program_id = %(program)s
    ORDER BY a.id FOR UPDATE OF a
) AS locked
"""
_OPEN = """
INSERT INTO rewards_account (customer_id, program_id, balance, pending, debt)
SELECT r.customer_id, %(program)s, 0, 0, 0
FROM mass_row AS r JOIN customers_customer AS c ON c.id = r.customer_id AND c.status = 'member'
WHERE r.amount > 0
  AND NOT EXISTS (SELECT FROM rewards_account AS a
                  WHERE a.customer_id = r.customer_id AND a.program_id = %(program)s)
ORDER BY r.customer_id
ON CONFLICT (customer_id, program_id) DO NOTHING
"""

# What `settle` would find something to do in.
_DUE = """
SELECT r.customer_id FROM mass_row AS r
JOIN rewards_account AS a ON a.customer_id = r.customer_id AND a.program_id = %(program)s
WHERE {whose} AND EXISTS (
    SELECT FROM rewards_lot AS l
    WHERE l.account_id = a.id AND l.remaining > 0
      AND CASE WHEN l.is_pending THEN l.available_at ELSE least(l.expires_at, a.expires_at) END
          <= %(now)s)
ORDER BY a.id
"""
# Nothing was left that could lapse; what comes next has a time of its own.
_LAPSED_EMPTY = """
UPDATE rewards_account AS a SET expires_at = NULL
FROM mass_row AS r JOIN customers_customer AS c ON c.id = r.customer_id AND c.status <> 'removed'
WHERE a.customer_id = r.customer_id AND a.program_id = %(program)s AND {whose}
  AND a.expires_at <= %(now)s
"""

_JUDGE = f"""
CREATE TEMP TABLE mass_judged ON COMMIT DROP AS
SELECT r.*, a.id AS account_id, coalesce(a.balance, 0) AS before, coalesce(a.debt, 0) AS debt,
       CASE WHEN NOT %(running)s
            THEN %(name)s || ' is not running, so its balances can''t be changed.'
            WHEN c.status <> 'member'
            THEN coalesce(nullif(c.name, ''), c.external_id, 'Customer ' || c.id)
                 || ' is not a member, so the balance can''t be changed. Enrol first.'
            WHEN r.amount < 0 AND coalesce(a.balance, 0) < -r.amount
            THEN {has_too_little("coalesce(a.balance, 0)", "r.amount")}
            ELSE '' END AS problem
FROM mass_row AS r
JOIN customers_customer AS c ON c.id = r.customer_id
LEFT JOIN rewards_account AS a ON a.customer_id = r.customer_id AND a.program_id = %(program)s
"""

# Numbers are given in the order of the lines.
_POSTING = """
CREATE TEMP TABLE mass_posting ON COMMIT DROP AS
SELECT nextval('rewards_operation_id_seq') AS operation_id,
       nextval('rewards_entry_id_seq') AS entry_id,
       j.*, before + amount AS after, greatest(least(debt, amount), 0) AS paid,
       CASE WHEN amount > 0 THEN %(now)s + life * interval '24 hours' END AS expires_at
FROM (SELECT *, coalesce(expires_in_days, %(life)s) AS life FROM mass_judged
      WHERE problem = '' ORDER BY line) AS j;
ANALYZE mass_posting
"""

# Soonest expiry first, then oldest.
_TAKE = """
CREATE TEMP TABLE mass_take ON COMMIT DROP AS
SELECT * FROM (
    SELECT p.entry_id, p.customer_id, l.id AS lot_id, l.expires_at,
           least(l.remaining, -p.amount - (sum(l.remaining) OVER taken - l.remaining)) AS part
    FROM mass_posting AS p
    JOIN rewards_lot AS l
        ON l.account_id = p.account_id AND l.remaining > 0 AND NOT l.is_pending
    WHERE p.amount < 0
    WINDOW taken AS (PARTITION BY p.entry_id ORDER BY l.expires_at NULLS LAST, l.id)
) AS lots
WHERE part > 0;
ANALYZE mass_take
"""

_OPERATIONS = """
INSERT INTO rewards_operation
    (id, customer_id, kind, reason_id, internal_note, customer_comment, reference,
     counts_for_tier, idempotency_key, fingerprint, occurred_at, recorded_at,
     actor_kind, actor_label, actor_user_id)
SELECT operation_id, customer_id, 'adjust', reason_id, internal_note, customer_comment, '',
       %(counts_for_tier)s, 'mass:' || %(batch)s || ':' || line, '', %(now)s, %(recorded_at)s,
       %(actor_kind)s, %(actor_label)s, %(actor_user)s
FROM mass_posting ORDER BY operation_id
"""
_ENTRIES = """
INSERT INTO rewards_entry
    (id, operation_id, account_id, customer_id, bucket, kind, amount, balance_after, occurred_at)
SELECT entry_id, operation_id, account_id, customer_id, 'available', 'adjusted', amount, after,
       %(now)s
FROM mass_posting ORDER BY entry_id
"""
_LOTS = """
INSERT INTO rewards_lot
    (account_id, customer_id, entry_id, granted, remaining, is_pending, available_at, expires_at)
SELECT account_id, customer_id, entry_id, amount, amount - paid, false, %(now)s, expires_at
FROM mass_posting WHERE amount > 0 ORDER BY entry_id
"""
_ALLOCATIONS = """
INSERT INTO rewards_allocation (entry_id, lot_id, customer_id, amount)
SELECT entry_id, lot_id, customer_id, part
FROM (
    SELECT entry_id, lot_id, customer_id, part, expires_at FROM mass_take
    UNION ALL
    SELECT p.entry_id, l.id, p.customer_id, p.paid, NULL
    FROM mass_posting AS p JOIN rewards_lot AS l ON l.entry_id = p.entry_id
    WHERE p.paid > 0
) AS parts
ORDER BY entry_id, expires_at NULLS LAST, lot_id
"""
_TAKEN = """
UPDATE rewards_lot AS l SET remaining = l.remaining - t.part
FROM mass_take AS t WHERE l.id = t.lot_id
"""
# By hand counts as a sign of life, where units lapse by inactivity.
_ACCOUNTS = """
UPDATE rewards_account AS a
SET balance = p.after, debt = a.debt - p.paid,
    expires_at = CASE WHEN %(inactivity)s::interval IS NULL THEN a.expires_at
                      ELSE greatest(a.expires_at, %(now)s + %(inactivity)s::interval) END
FROM mass_posting AS p WHERE a.id = p.account_id
"""

# As DjangoJSONEncoder writes a time.
TEXT_OF_TIME = """
to_char({0} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS')
    || CASE WHEN date_trunc('second', {0}) = {0} THEN ''
            ELSE to_char({0} AT TIME ZONE 'UTC', '.MS') END || 'Z'
"""
_TOLD = f"""
CREATE TEMP TABLE mass_told ON COMMIT DROP AS
SELECT operation_id, customer_id, before, after, jsonb_build_object(
    'program_id', %(program)s, 'program', %(name)s, 'unit_singular', %(unit_singular)s,
    'unit_plural', %(unit_plural)s, 'units', amount, 'before', before, 'after', after,
    'reason', reason_id, 'internal_note', internal_note, 'customer_comment', customer_comment,
    'expires_at', {TEXT_OF_TIME.format("expires_at")}, 'batch', %(batch)s) AS data
FROM mass_posting
"""
TELL = """
INSERT INTO activity_event
    (customer_id, occurred_at, kind, object_id, data, recorded_at,
     actor_kind, actor_label, actor_user_id)
SELECT customer_id, %(now)s, %(event)s, operation_id, data, %(recorded_at)s,
       %(actor_kind)s, %(actor_label)s, %(actor_user)s
FROM mass_told ORDER BY operation_id
"""
_AUDIT = """
INSERT INTO activity_auditrecord
    (at, verb, object_type, object_id, customer_id, before, after, request_id, ip,
     actor_kind, actor_label, actor_user_id)
SELECT %(recorded_at)s, %(event)s, 'operation', operation_id, customer_id,
       jsonb_build_object('balance', before), jsonb_build_object('balance', after) || data,
       %(request_id)s, %(ip)s, %(actor_kind)s, %(actor_label)s, %(actor_user)s
FROM mass_told ORDER BY operation_id
"""
_APPLIED = """
UPDATE rewards_massadjustmentrow AS r
SET outcome = 'applied', operation_id = p.operation_id, balance_after = p.after, problem = ''
FROM mass_posting AS p WHERE r.id = p.row_id AND r.batch_id = %(batch)s
"""
_REFUSED = """
UPDATE rewards_massadjustmentrow AS r
SET outcome = 'refused', problem = j.problem
FROM mass_judged AS j WHERE r.id = j.row_id AND r.batch_id = %(batch)s AND j.problem <> ''
"""


@dataclass(frozen=True, slots=True)
class Chunk:
    """What was done with a chunk, in rows; `short_rows` lack `shortfall` units in all."""

    done: int
    refused: int = 0
    short_rows: int = 0
    shortfall: int = 0


def apply_chunk(actor: Actor, batch: MassAdjustment, chunk: int) -> Chunk:
    """Apply the good rows of a chunk of a locked batch, in the caller's transaction."""
    now = timezone.now()
    values = common_values(actor, batch, chunk, now) | {"event": ADJUSTED}
    with connection.cursor() as cursor:
        cursor.execute(_ROWS, values)
        cursor.execute(LOCK, values)
        cursor.execute(_OPEN, values)
        if cursor.rowcount:
            cursor.execute(LOCK, values)
        # A credit spends nothing, so it need not look at the lots.
        settle_due(values, whose="r.amount < 0")
        for statement in (_JUDGE, _POSTING, _TAKE):
            cursor.execute(statement, values)
        for statement in (_OPERATIONS, _ENTRIES, _LOTS, _ALLOCATIONS, _TAKEN, _ACCOUNTS):
            cursor.execute(statement, values)
        for statement in (_TOLD, TELL, _AUDIT, _APPLIED):
            cursor.execute(statement, values)
        done = cursor.rowcount
        cursor.execute(_REFUSED, values)
        refused = cursor.rowcount
        cursor.execute("SELECT account_id FROM mass_posting WHERE amount > 0 ORDER BY account_id")
        credited = [pk for (pk,) in cursor.fetchall()]
        cursor.execute("DROP TABLE mass_row, mass_judged, mass_posting, mass_take, mass_told")
    follow_many(actor, credited, now)
    return Chunk(done=done + refused, refused=refused)


def common_values(actor: Actor, batch: MassAdjustment, chunk: int, now: datetime) -> dict[str, Any]:
    """What the statements of applying and undoing need to know."""
    program = batch.program
    inactivity = program.expiry == program.Expiry.INACTIVITY
    return {
        "batch": batch.pk,
        "chunk": chunk,
        "program": program.pk,
        "name": program.name,
        "running": program.is_running,
        "unit_singular": program.unit_singular,
        "unit_plural": program.unit_plural,
        "life": program.expiry_days if program.expiry == program.Expiry.PER_LOT else None,
        "inactivity": f"{program.expiry_days * 24} hours" if inactivity else None,
        "grace": program.grace_days,
        "below_zero": program.clawback_below_zero,
        "counts_for_tier": batch.counts_for_tier,
        "now": now,
        "recorded_at": timezone.now(),
        "actor_kind": actor.kind,
        "actor_label": actor.label,
        "actor_user": actor.user_id,
        "request_id": actor.request_id,
        "ip": actor.ip,
    }


def settle_due(values: dict[str, Any], *, whose: str) -> None:
    """Let time do what is due in the accounts of `mass_row` that the SQL condition names."""
    with connection.cursor() as cursor:
        cursor.execute(_DUE.format(whose=whose), values)
        customers = [pk for (pk,) in cursor.fetchall()]
    for customer_id in customers:
        settle(lock_account(customer_id, values["program"]), values["now"])
    if values["inactivity"]:
        with connection.cursor() as cursor:
            cursor.execute(_LAPSED_EMPTY.format(whose=whose), values)
