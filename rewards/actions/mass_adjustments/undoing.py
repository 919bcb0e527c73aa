"""One chunk of a batch undone, set-based.

Writes for each row what undoing it alone writes: a debit gives back to its lots as
`rewards.actions.undo` does, a credit takes back as `rewards.actions.taking_back` does, so that
what has been spent never stops a batch. The rows of a customer are undone last line first.
"""

from __future__ import annotations

from django.db import connection
from django.utils import timezone

from loyalty_admin.common.actor import Actor
from rewards.actions.consequences import follow_many
from rewards.actions.locking import lock_account
from rewards.actions.mass_adjustments.applying import (
    LOCK,
    TELL,
    Chunk,
    common_values,
    settle_due,
)
from rewards.actions.tiers import step_back
from rewards.actions.undo import REVERSED
from rewards.models import MassAdjustment, Operation

_ROWS = """
SET LOCAL jit = off;
CREATE TEMP TABLE mass_row ON COMMIT DROP AS
SELECT id AS row_id, line, customer_id, amount, operation_id
FROM rewards_massadjustmentrow
WHERE batch_id = %(batch)s AND chunk = %(chunk)s AND outcome = 'applied'
ORDER BY line;
ANALYZE mass_row
"""
# Somebody undid it alone before: there is nothing left to do.
_BY_HAND = """
UPDATE rewards_massadjustmentrow AS r
SET outcome = 'undone', reversal_id = o.id, problem = 'Undone by hand before.'
FROM mass_row AS m JOIN rewards_operation AS o ON o.reverses_id = m.operation_id
WHERE r.id = m.row_id AND r.batch_id = %(batch)s
"""
_FORGET_THEM = """
DELETE FROM mass_row AS m USING rewards_operation AS o WHERE o.reverses_id = m.operation_id
"""
# For whoever was taken out of the programme, time stands still: they are listed and left alone.
_NOT_MEMBERS = """
UPDATE rewards_massadjustmentrow AS r
SET problem = coalesce(nullif(c.name, ''), c.external_id, 'Customer ' || c.id)
              || ' is not a member, so the balance can''t be changed. Enrol first.'
FROM mass_row AS m JOIN customers_customer AS c ON c.id = m.customer_id AND c.status <> 'member'
WHERE r.id = m.row_id AND r.batch_id = %(batch)s
"""
_LEAVE_THEM = """
DELETE FROM mass_row AS m USING customers_customer AS c
WHERE c.id = m.customer_id AND c.status <> 'member'
"""

_ORIGINAL = """
CREATE TEMP TABLE mass_original ON COMMIT DROP AS
SELECT m.row_id, m.line, m.customer_id, m.operation_id AS original_id, e.id AS original_entry,
       e.amount AS original, e.account_id, a.balance AS before, a.debt
FROM mass_row AS m
JOIN rewards_entry AS e ON e.operation_id = m.operation_id
JOIN rewards_account AS a ON a.id = e.account_id
ORDER BY m.line;
ANALYZE mass_original
"""

# The credit's own lot gives first, then what has expired in it is let go, then the others.
_OWN = """
CREATE TEMP TABLE mass_own ON COMMIT DROP AS
SELECT o.original_entry, l.id AS lot_id, least(l.remaining, o.original) AS part,
       CASE WHEN l.remaining >= o.original THEN 0 ELSE least(o.original - l.remaining, (
           SELECT greatest(coalesce(sum(x.amount), 0), 0) FROM rewards_allocation AS x
           JOIN rewards_entry AS e ON e.id = x.entry_id
           JOIN rewards_operation AS p ON p.id = e.operation_id
           LEFT JOIN rewards_operation AS back ON back.id = p.reverses_id
           WHERE x.lot_id = l.id
             AND (e.kind = 'expired' OR p.kind = 'reinstate' OR back.kind = 'reinstate')))
       END AS expired
FROM mass_original AS o JOIN rewards_lot AS l ON l.entry_id = o.original_entry
WHERE o.original > 0;
ANALYZE mass_own
"""
_OTHERS = """
CREATE TEMP TABLE mass_others ON COMMIT DROP AS
SELECT * FROM (
    SELECT o.original_entry, l.id AS lot_id, l.expires_at,
           least(l.remaining, o.original - own.part - own.expired
                              - (sum(l.remaining) OVER taken - l.remaining)) AS part
    FROM mass_original AS o
    JOIN mass_own AS own USING (original_entry)
    JOIN rewards_lot AS l
        ON l.account_id = o.account_id AND l.remaining > 0 AND NOT l.is_pending
       AND l.id <> own.lot_id
    WHERE o.original > own.part + own.expired
    WINDOW taken AS (PARTITION BY o.original_entry ORDER BY l.expires_at NULLS LAST, l.id)
) AS lots
WHERE part > 0;
ANALYZE mass_others
"""

# Each lot gets back what it gave, less what pays a debt that arose meanwhile.
_GIVEN = """
CREATE TEMP TABLE mass_given ON COMMIT DROP AS
SELECT original_entry, lot_id, number,
       part - least(part, greatest(least(debt, -original) - (running - part), 0)) AS part
FROM (
    SELECT o.original_entry, o.debt, o.original, x.lot_id, x.id AS number, x.amount AS part,
           sum(x.amount) OVER (PARTITION BY x.entry_id ORDER BY x.id DESC) AS running
    FROM mass_original AS o JOIN rewards_allocation AS x ON x.entry_id = o.original_entry
    WHERE o.original < 0
) AS parts;
ANALYZE mass_given
"""

_POSTING = """
CREATE TEMP TABLE mass_posting ON COMMIT DROP AS
SELECT nextval('rewards_operation_id_seq') AS operation_id,
       CASE WHEN change <> 0 THEN nextval('rewards_entry_id_seq') END AS entry_id,
       changes.*, before + change AS after
FROM (
    SELECT missing.*,
           CASE WHEN original < 0 THEN -original
                WHEN %(below_zero)s THEN expired - original
                ELSE shortfall + expired - original END AS change,
           CASE WHEN original < 0 THEN -least(debt, -original)
                WHEN %(below_zero)s THEN shortfall ELSE 0 END AS more_debt
    FROM (
        SELECT o.*, coalesce(own.expired, 0) AS expired,
               CASE WHEN original < 0 THEN 0
                    ELSE original - own.part - own.expired - coalesce(others.part, 0)
               END AS shortfall
        FROM mass_original AS o
        LEFT JOIN mass_own AS own USING (original_entry)
        LEFT JOIN (SELECT original_entry, sum(part) AS part FROM mass_others
                   GROUP BY original_entry) AS others USING (original_entry)
    ) AS missing
    ORDER BY line
) AS changes;
ANALYZE mass_posting
"""

_OPERATIONS = """
INSERT INTO rewards_operation
    (id, customer_id, kind, reverses_id, internal_note, customer_comment, reference,
     counts_for_tier, idempotency_key, fingerprint, occurred_at, recorded_at,
     actor_kind, actor_label, actor_user_id)
SELECT operation_id, customer_id, 'reverse', original_id, '', '', '', %(counts_for_tier)s,
       'mass:undo:' || %(batch)s || ':' || line, '', %(now)s, %(recorded_at)s,
       %(actor_kind)s, %(actor_label)s, %(actor_user)s
FROM mass_posting ORDER BY operation_id
"""
_ENTRIES = """
INSERT INTO rewards_entry
    (id, operation_id, account_id, customer_id, bucket, kind, amount, balance_after, occurred_at)
SELECT entry_id, operation_id, account_id, customer_id, 'available', 'reversed', change, after,
       %(now)s
FROM mass_posting WHERE change <> 0 ORDER BY entry_id
"""
_ALLOCATIONS = """
CREATE TEMP TABLE mass_take ON COMMIT DROP AS
SELECT p.entry_id, p.customer_id, t.lot_id, t.part, t.place, t.expires_at, t.number
FROM mass_posting AS p
JOIN (
    SELECT original_entry, lot_id, part, 1 AS place, NULL::timestamptz AS expires_at,
           lot_id AS number
    FROM mass_own WHERE part > 0
    UNION ALL
    SELECT original_entry, lot_id, part, 2, expires_at, lot_id FROM mass_others
    UNION ALL
    SELECT original_entry, lot_id, -part, 1, NULL, -number FROM mass_given WHERE part > 0
) AS t USING (original_entry);
ANALYZE mass_take;
INSERT INTO rewards_allocation (entry_id, lot_id, customer_id, amount)
SELECT entry_id, lot_id, customer_id, part FROM mass_take
ORDER BY entry_id, place, expires_at NULLS LAST, number
"""
# A lot that has expired meanwhile comes back with the program's grace.
_LOTS = """
UPDATE rewards_lot AS l
SET remaining = l.remaining - t.part,
    expires_at = CASE WHEN t.part < 0 AND l.expires_at <= %(now)s
                      THEN %(now)s + %(grace)s * interval '24 hours' ELSE l.expires_at END
FROM mass_take AS t WHERE l.id = t.lot_id
"""
_ACCOUNTS = """
UPDATE rewards_account AS a
SET balance = p.after, debt = a.debt + p.more_debt,
    expires_at = CASE WHEN %(inactivity)s::interval IS NOT NULL AND p.change > 0
                           AND a.expires_at IS NULL
                      THEN %(now)s + %(grace)s * interval '24 hours' ELSE a.expires_at END
FROM mass_posting AS p WHERE a.id = p.account_id
"""
_SHORTFALLS = """
INSERT INTO rewards_shortfall (operation_id, account_id, customer_id, amount, occurred_at)
SELECT operation_id, account_id, customer_id, shortfall, %(now)s
FROM mass_posting WHERE shortfall > 0 AND NOT %(below_zero)s ORDER BY operation_id
"""

_TOLD = """
CREATE TEMP TABLE mass_told ON COMMIT DROP AS
SELECT operation_id, customer_id, before, after, original_id,
       jsonb_build_object('operation', original_id, 'kind', 'adjust', 'batch', %(batch)s,
           'shortfall', shortfall, 'changes', jsonb_build_array(change)) || change AS data
FROM (
    SELECT *, jsonb_build_object('program_id', %(program)s, 'program', %(name)s,
        'unit_singular', %(unit_singular)s, 'unit_plural', %(unit_plural)s,
        'before', before, 'after', after, 'units', after - before) AS change
    FROM (SELECT operation_id, customer_id, before, after, original_id, shortfall
          FROM mass_posting) AS p
) AS changes
"""
_AUDIT = """
INSERT INTO activity_auditrecord
    (at, verb, object_type, object_id, customer_id, before, after, request_id, ip,
     actor_kind, actor_label, actor_user_id)
SELECT %(recorded_at)s, %(event)s, 'operation', operation_id, customer_id,
       jsonb_build_object('balance', before),
       jsonb_build_object('balance', after, 'reverses', original_id),
       %(request_id)s, %(ip)s, %(actor_kind)s, %(actor_label)s, %(actor_user)s
FROM mass_told ORDER BY operation_id
"""
_UNDONE = """
UPDATE rewards_massadjustmentrow AS r
SET outcome = 'undone', reversal_id = p.operation_id, balance_after = p.after,
    shortfall = p.shortfall, problem = concat_ws(' ',
        CASE WHEN p.shortfall > 0 THEN format('%%s of %%s had been spent already%%s',
            p.shortfall, p.original, CASE WHEN %(below_zero)s
                THEN ': the balance may be below zero until they are earned again.'
                ELSE ' and stay so.' END) END,
        CASE WHEN p.expired > 0 THEN format('%%s had expired.', p.expired) END)
FROM mass_posting AS p WHERE r.id = p.row_id AND r.batch_id = %(batch)s
"""
_SUMS = """
SELECT count(*) FILTER (WHERE shortfall > 0), coalesce(sum(shortfall), 0),
       array_agg(account_id ORDER BY account_id)
FROM mass_posting
"""
# On a step since the very moment of the credit: it may have been this credit alone.
_BROUGHT_UP = """
SELECT p.original_id FROM mass_posting AS p
JOIN rewards_operation AS o ON o.id = p.original_id
JOIN rewards_tiermembership AS t
    ON t.customer_id = p.customer_id AND t.program_id = %(program)s
   AND t.ended_at IS NULL AND t.since = o.occurred_at
ORDER BY p.account_id
"""
_DROP = """
DROP TABLE mass_row, mass_original, mass_own, mass_others, mass_given, mass_posting, mass_take,
           mass_told
"""


def undo_chunk(actor: Actor, batch: MassAdjustment, chunk: int) -> Chunk:
    """Undo the applied rows of a chunk of a locked batch, in the caller's transaction."""
    now = timezone.now()
    values = common_values(actor, batch, chunk, now) | {"event": REVERSED}
    with connection.cursor() as cursor:
        cursor.execute(_ROWS, values)
        cursor.execute(LOCK, values)
        # Looked up after the lock: of two who undo at once, the second sees the first.
        cursor.execute(_BY_HAND, values)
        by_hand = cursor.rowcount
        if by_hand:
            cursor.execute(_FORGET_THEM)
        cursor.execute(_NOT_MEMBERS, values)
        left_alone = cursor.rowcount
        if left_alone:
            cursor.execute(_LEAVE_THEM)
        settle_due(values, whose="true")
        for statement in (_ORIGINAL, _OWN, _OTHERS, _GIVEN, _POSTING):
            cursor.execute(statement, values)
        for statement in (_OPERATIONS, _ENTRIES, _ALLOCATIONS, _LOTS, _ACCOUNTS, _SHORTFALLS):
            cursor.execute(statement, values)
        for statement in (_TOLD, TELL, _AUDIT, _UNDONE):
            cursor.execute(statement, values)
        done = cursor.rowcount
        cursor.execute(_SUMS)
        short_rows, shortfall, touched = cursor.fetchone()
        cursor.execute(_BROUGHT_UP, values)
        brought_up = [pk for (pk,) in cursor.fetchall()]
        cursor.execute(_DROP)
    for original in Operation.objects.filter(pk__in=brought_up).order_by("pk"):
        account = lock_account(original.customer_id, batch.program_id)
        step_back(actor, account, original, now)
    follow_many(actor, touched or [], now)
    return Chunk(done + by_hand + left_alone, short_rows=short_rows, shortfall=int(shortfall))
