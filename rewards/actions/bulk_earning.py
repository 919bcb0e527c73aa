"""Units earned by many orders at once, set-based.

Writes exactly what `rewards.actions.earning.earn_for_order` writes for each of them, by the
arithmetic of `rewards.rules`; a test holds the two together.
"""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.utils import timezone

from loyalty_admin.common.actor import Actor
from rewards.actions.bulk_caps import keep_within_caps
from rewards.actions.consequences import follow_many
from rewards.rules import MOST
from rewards.selectors.tiers import MULTIPLIER_AT

# A version is in force from its date until the next one of its rule begins.
_VERSIONS = """
CREATE TEMP TABLE bulk_version ON COMMIT DROP AS
SELECT * FROM (
    SELECT v.id, v.rule_id, v.trigger, v.measure, v.units, v.per, v.currency, v.categories,
           v.skus, v.stores, v.channels, v.starts_at, v.ends_at, v.cap_per_order, v.cap_per_day,
           v.cap_per_customer, v.multiplied_by_tier AND p.tier_basis <> 'none' AS by_tier,
           p.id AS program_id, p.name AS program, p.unit_singular, p.unit_plural, p.rounding,
           p.pending_days * interval '24 hours' AS wait,
           CASE WHEN p.expiry = 'per_lot' THEN p.expiry_days * interval '24 hours' END AS life,
           CASE WHEN p.expiry = 'inactivity' THEN p.expiry_days * interval '24 hours' END AS rest,
           coalesce(v.effective_from, '-infinity') AS begins,
           coalesce(lead(coalesce(v.effective_from, '-infinity')) OVER (
               PARTITION BY v.rule_id ORDER BY coalesce(v.effective_from, '-infinity'), v.number),
               'infinity') AS ends
    FROM rewards_earningruleversion AS v
    JOIN rewards_earningrule AS r ON r.id = v.rule_id AND r.is_active
    JOIN rewards_program AS p ON p.id = r.program_id AND p.status = 'active'
) AS version
WHERE trigger = 'order'
"""
_ASKED = """
SELECT coalesce(bool_or(by_tier), false),
       coalesce(bool_or(cap_per_day IS NOT NULL OR cap_per_customer IS NOT NULL), false)
FROM bulk_version
"""
_BY_TIER = MULTIPLIER_AT.format(
    customer="sale.customer_id", program="v.program_id", at="sale.placed_at"
)
_BY_NOBODY = "CROSS JOIN (SELECT NULL::numeric AS multiplier) AS stood"

# An order's total is the sum of its lines, so a rule that counts all of its money need not
# look at them.
_EARNED = """
CREATE TEMP TABLE bulk_earned ON COMMIT DROP AS
WITH sale AS (
    SELECT o.id AS order_id, o.customer_id, o.placed_at, o.currency, o.total,
           s.code AS store, s.kind AS channel
    FROM {table} AS b
    JOIN customers_order AS o ON o.id = b.order_id
     AND o.id BETWEEN (SELECT min(order_id) FROM {table}) AND (SELECT max(order_id) FROM {table})
    JOIN customers_customer AS c ON c.id = o.customer_id AND c.status = 'member'
    JOIN staff_store AS s ON s.id = o.store_id
), measured AS (
    SELECT sale.*, v.id AS version_id, v.rule_id, v.units, v.per, v.cap_per_order, v.rounding,
           v.program_id, v.program, v.unit_singular, v.unit_plural, v.wait, v.life, v.rest,
           CASE WHEN v.by_tier THEN coalesce(stood.multiplier, 1) ELSE 1 END AS multiplier,
           CASE WHEN v.measure = 'amount' AND v.categories = '{{}}' AND v.skus = '{{}}'
                THEN sale.total
                ELSE (SELECT CASE v.measure WHEN 'amount' THEN coalesce(sum(l.total), 0)
                                            WHEN 'items' THEN coalesce(sum(l.quantity), 0)
                                            ELSE least(count(*), 1) END
                      FROM customers_orderline AS l
                      WHERE l.order_id = sale.order_id
                        AND (v.categories = '{{}}' OR l.category = ANY(v.categories))
                        AND (v.skus = '{{}}' OR l.sku = ANY(v.skus))) END AS base
    FROM sale
    JOIN bulk_version AS v
        ON v.currency = sale.currency
       AND sale.placed_at >= v.begins AND sale.placed_at < v.ends
       AND (v.stores = '{{}}' OR sale.store = ANY(v.stores))
       AND (v.channels = '{{}}' OR sale.channel = ANY(v.channels))
       AND (v.starts_at IS NULL OR v.starts_at <= sale.placed_at)
       AND (v.ends_at IS NULL OR sale.placed_at < v.ends_at)
    {multiplier}
), stepped AS (
    SELECT *, units * multiplier * CASE rounding
               WHEN 'nearest' THEN div(2 * base + per, 2 * per)
               WHEN 'up' THEN div(base, per) + (mod(base, per) > 0)::int
               ELSE div(base, per) END AS exact
    FROM measured
), counted AS (
    SELECT *, CASE rounding WHEN 'nearest' THEN floor(exact + 0.5)
                            WHEN 'up' THEN ceil(exact) ELSE floor(exact) END AS by_rule
    FROM stepped
)
SELECT order_id, customer_id, rule_id, version_id, program_id, program, placed_at, multiplier,
       least(by_rule, cap_per_order, {most})::bigint AS units, unit_singular, unit_plural,
       placed_at + wait AS available_at, placed_at + wait + life AS expires_at,
       placed_at + rest AS lapses_at, placed_at + wait > %(now)s AS is_pending
FROM counted
WHERE least(by_rule, cap_per_order) > 0
"""

# As rewards.actions.locking does it: what is there is locked in the order of the keys, what is
# missing is opened, and then everything is locked.
_LOCK = """
SELECT count(*) FROM (
    SELECT id FROM rewards_account
    WHERE (customer_id, program_id) IN (SELECT customer_id, program_id FROM bulk_earned)
    ORDER BY id FOR UPDATE
) AS locked
"""
_OPEN = """
INSERT INTO rewards_account (customer_id, program_id, balance, pending, debt)
SELECT DISTINCT customer_id, program_id, 0, 0, 0 FROM bulk_earned AS e
WHERE NOT EXISTS (SELECT FROM rewards_account AS a
                  WHERE a.customer_id = e.customer_id AND a.program_id = e.program_id)
ORDER BY customer_id, program_id
ON CONFLICT (customer_id, program_id) DO NOTHING
"""

# Numbers are given in the order of the orders and, within one, of the rules; so the last entry
# of an account is the one with its balance.
_POSTING = """
CREATE TEMP TABLE bulk_posting ON COMMIT DROP AS
SELECT nextval('rewards_entry_id_seq') AS entry_id, nextval('rewards_lot_id_seq') AS lot_id, p.*
FROM (
    SELECT e.*, a.id AS account_id,
           CASE WHEN is_pending THEN a.pending ELSE a.balance END
               + sum(units) OVER running AS balance_after,
           CASE WHEN is_pending THEN 0
                ELSE greatest(least(units, a.debt - (sum(units) OVER running - units)), 0)
           END AS paid
    FROM bulk_earned AS e
    JOIN rewards_account AS a ON a.customer_id = e.customer_id AND a.program_id = e.program_id
    WINDOW running AS (PARTITION BY a.id, is_pending ORDER BY order_id, rule_id)
    ORDER BY order_id, rule_id
) AS p
"""

_OPERATIONS = """
CREATE TEMP TABLE bulk_operation ON COMMIT DROP AS
SELECT nextval('rewards_operation_id_seq') AS operation_id, order_id, customer_id, placed_at
FROM (SELECT DISTINCT order_id, customer_id, placed_at FROM bulk_posting ORDER BY order_id) AS o;
ANALYZE bulk_operation;
ANALYZE bulk_posting
"""

_WRITE_OPERATIONS = """
INSERT INTO rewards_operation
    (id, customer_id, kind, order_id, reverses_id, reason_id, internal_note, customer_comment,
     reference, counts_for_tier, idempotency_key, fingerprint, occurred_at, recorded_at,
     actor_kind, actor_label, actor_user_id)
SELECT b.operation_id, b.customer_id, 'earn', b.order_id, NULL, NULL, '', '', '', true,
       'order:' || length(s.code) || ':' || s.code || ':' || o.number, '', b.placed_at, %(now)s,
       %(actor_kind)s, %(actor_label)s, %(actor_user)s
FROM bulk_operation AS b
JOIN customers_order AS o ON o.id = b.order_id
 AND o.id BETWEEN (SELECT min(order_id) FROM bulk_operation)
              AND (SELECT max(order_id) FROM bulk_operation)
JOIN staff_store AS s ON s.id = o.store_id
ORDER BY b.operation_id
"""

_WRITE_ENTRIES = """
INSERT INTO rewards_entry
    (id, operation_id, account_id, customer_id, bucket, kind, amount, balance_after,
     rule_version_id, multiplier, occurred_at)
SELECT p.entry_id, o.operation_id, p.account_id, p.customer_id,
       CASE WHEN is_pending THEN 'pending' ELSE 'available' END, 'earned', p.units,
       p.balance_after, p.version_id, p.multiplier, p.placed_at
FROM bulk_posting AS p JOIN bulk_operation AS o USING (order_id)
ORDER BY p.entry_id
"""

_WRITE_LOTS = """
INSERT INTO rewards_lot
    (id, account_id, customer_id, entry_id, granted, remaining, is_pending, available_at,
     expires_at)
SELECT lot_id, account_id, customer_id, entry_id, units, units - paid, is_pending, available_at,
       expires_at
FROM bulk_posting ORDER BY lot_id
"""

_WRITE_ALLOCATIONS = """
INSERT INTO rewards_allocation (entry_id, lot_id, customer_id, amount)
SELECT entry_id, lot_id, customer_id, paid FROM bulk_posting WHERE paid > 0 ORDER BY entry_id
"""

_WRITE_TOTALS = """
UPDATE rewards_account AS a
SET balance = a.balance + t.available, pending = a.pending + t.pending, debt = a.debt - t.paid,
    expires_at = greatest(a.expires_at, t.lapses_at)
FROM (
    SELECT account_id, sum(paid) AS paid, max(lapses_at) AS lapses_at,
           coalesce(sum(units) FILTER (WHERE NOT is_pending), 0) AS available,
           coalesce(sum(units) FILTER (WHERE is_pending), 0) AS pending
    FROM bulk_posting GROUP BY account_id
) AS t
WHERE a.id = t.account_id
"""

# What has a card or a ladder: only there something follows from units.
_FOLLOWED = """
SELECT DISTINCT b.account_id FROM bulk_posting AS b
JOIN rewards_program AS p ON p.id = b.program_id AND (p.kind = 'stamps' OR p.tier_basis <> 'none')
ORDER BY b.account_id
"""

_TELL = """
INSERT INTO {table}_earning (order_id, position, program, units, unit_name, pending_until)
SELECT order_id, min(entry_id), program, sum(units),
       CASE WHEN sum(units) = 1 THEN unit_singular ELSE unit_plural END,
       min(available_at) FILTER (WHERE is_pending)
FROM bulk_posting GROUP BY order_id, program_id, program, unit_singular, unit_plural
"""


def earn_for_orders(actor: Actor, table: str) -> None:
    """Credit what the new orders in the temporary table earn; part of importing them.

    Runs inside the transaction that writes the orders. `table` comes from the caller's own
    code, never from outside.
    """
    values: dict[str, Any] = {
        "now": timezone.now(),
        "actor_kind": actor.kind,
        "actor_label": actor.label,
        "actor_user": actor.user_id,
    }
    with connection.cursor() as cursor:
        cursor.execute(_VERSIONS)
        cursor.execute("ANALYZE bulk_version")
        cursor.execute(_ASKED)
        by_tier, capped = cursor.fetchone()
        multiplier = _BY_TIER if by_tier else _BY_NOBODY
        cursor.execute(_EARNED.format(table=table, multiplier=multiplier, most=MOST), values)
        cursor.execute("ANALYZE bulk_earned")
        for statement in (_LOCK, _OPEN, _LOCK):
            cursor.execute(statement)
        if capped:
            keep_within_caps()
        for statement in (_POSTING, _OPERATIONS):
            cursor.execute(statement)
        for statement in (_WRITE_OPERATIONS, _WRITE_ENTRIES, _WRITE_LOTS, _WRITE_ALLOCATIONS):
            cursor.execute(statement, values)
        cursor.execute(_WRITE_TOTALS)
        cursor.execute(_TELL.format(table=table))
        cursor.execute(_FOLLOWED)
        followed = [pk for (pk,) in cursor.fetchall()]
        cursor.execute("DROP TABLE bulk_version, bulk_earned, bulk_posting, bulk_operation")
    follow_many(actor, followed, values["now"])
