"""A batch of orders, in one transaction: stores, customers, orders, lines, earnings, events.

Writes what `customers.actions.orders.record_order` writes for each order of a member, and one
audit record for all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from activity.actions.recording import Act, record_audit
from customers import hooks
from customers.actions.customers import CREATED, ENROLLED
from customers.actions.orders import RECORDED
from loyalty_admin.common.actor import Actor
from loyalty_admin.staff.permissions import Perm, authorise

BATCH = "import_batch"
MEMBERS = "import_customer"

_TABLES = """
CREATE TEMP TABLE IF NOT EXISTS import_batch (
    order_id bigint NOT NULL, order_no bigint NOT NULL, customer_id bigint);
CREATE TEMP TABLE IF NOT EXISTS import_batch_earning (
    order_id bigint NOT NULL, position bigint NOT NULL, program text NOT NULL,
    units bigint NOT NULL, unit_name text NOT NULL, pending_until timestamptz);
CREATE TEMP TABLE IF NOT EXISTS import_customer (
    id bigint NOT NULL, external_id text NOT NULL, joined_at timestamptz NOT NULL);
TRUNCATE import_batch, import_batch_earning, import_customer
"""

_STORES = """
INSERT INTO staff_store (code, name, kind, time_zone, currency, is_active, created_at)
SELECT DISTINCT s.code, s.code, 'shop', s.time_zone, s.currency, true, now()
FROM import_order AS o JOIN import_store AS s ON s.code = o.store
WHERE o.order_no BETWEEN %(first)s AND %(last)s AND s.id IS NULL
ORDER BY s.code
ON CONFLICT (code) DO NOTHING
"""

_CUSTOMERS = """
WITH arrived AS (
    INSERT INTO customers_customer
        (external_id, name, document, address, language, status, joined_at, created_at,
         search_text)
    SELECT customer, '', '', '', 'en', 'member', min(placed), min(placed), search_normal(customer)
    FROM import_order
    WHERE order_no BETWEEN %(first)s AND %(last)s AND customer <> ''
      AND NOT EXISTS (SELECT FROM customers_customer WHERE external_id = customer)
    GROUP BY customer ORDER BY customer
    ON CONFLICT (external_id) DO NOTHING
    RETURNING id, external_id, joined_at
)
INSERT INTO import_customer SELECT * FROM arrived
"""

_CHOOSE = """
INSERT INTO import_batch (order_id, order_no, customer_id)
SELECT nextval('customers_order_id_seq'), order_no, customer_id
FROM (
    SELECT o.order_no, c.id AS customer_id
    FROM import_order AS o
    LEFT JOIN customers_customer AS c ON c.external_id = o.customer
    WHERE o.order_no BETWEEN %(first)s AND %(last)s
    ORDER BY o.order_no
) AS chosen
"""

_ORDERS = """
INSERT INTO customers_order
    (id, store_id, number, customer_id, placed_at, currency, total, discount, status, recorded_at)
SELECT b.order_id, s.id, o.number, b.customer_id, o.placed, o.currency, o.total, o.discount,
       'completed', %(now)s
FROM import_batch AS b
JOIN import_order AS o USING (order_no)
JOIN staff_store AS s ON s.code = o.store
ORDER BY b.order_no
ON CONFLICT (number, store_id) DO NOTHING
"""

# Only when somebody has recorded some of them since we looked.
_FORGET_LATE = """
DELETE FROM import_batch
WHERE NOT EXISTS (SELECT FROM customers_order WHERE id = import_batch.order_id)
"""

_LINES = """
INSERT INTO customers_orderline
    (order_id, customer_id, position, sku, product, category, quantity, total, discount)
SELECT b.order_id, b.customer_id, l.position, l.sku, l.product, l.category, l.quantity, l.total,
       l.discount
FROM import_ready AS l JOIN import_batch AS b USING (order_no)
WHERE l.order_no BETWEEN %(first)s AND %(last)s
ORDER BY l.order_no, l.position
"""

# As DjangoJSONEncoder writes a time.
_TEXT_OF_TIME = """
to_char(pending_until AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS')
    || CASE WHEN date_trunc('second', pending_until) = pending_until THEN ''
            ELSE to_char(pending_until AT TIME ZONE 'UTC', '.MS') END || 'Z'
"""

_EVENTS = f"""
INSERT INTO activity_event
    (customer_id, occurred_at, kind, object_id, data, recorded_at,
     actor_kind, actor_label, actor_user_id)
SELECT customer_id, occurred_at, kind, object_id, data, %(now)s,
       %(actor_kind)s, %(actor_label)s, %(actor_user)s
FROM (
    SELECT id AS customer_id, joined_at AS occurred_at, '{CREATED}' AS kind, id AS object_id,
           jsonb_build_object('status', 'member', 'name', '', 'external_id', external_id,
               'document', '', 'address', '', 'language', 'en') AS data, 0 AS step
    FROM import_customer
    UNION ALL
    SELECT id, joined_at, '{ENROLLED}', id,
           jsonb_build_object('before', 'guest', 'after', 'member'), 1
    FROM import_customer
    UNION ALL
    SELECT o.customer_id, o.placed_at, '{RECORDED}', o.id,
           jsonb_build_object('number', o.number, 'store', s.code, 'store_name', s.name,
               'currency', o.currency, 'total', o.total::text,
               'earned', coalesce(earned.earned, '[]')), 2
    FROM import_batch AS b
    JOIN customers_order AS o ON o.id = b.order_id
     AND o.id BETWEEN (SELECT min(order_id) FROM import_batch)
                  AND (SELECT max(order_id) FROM import_batch)
    JOIN staff_store AS s ON s.id = o.store_id
    LEFT JOIN (
        SELECT order_id, jsonb_agg(jsonb_build_object('program', program, 'units', units,
                   'unit_name', unit_name, 'pending_until', {_TEXT_OF_TIME})
                   ORDER BY position) AS earned
        FROM import_batch_earning GROUP BY order_id
    ) AS earned ON earned.order_id = o.id
    WHERE o.customer_id IS NOT NULL
) AS told
ORDER BY step, object_id
"""

_SUMS = """
SELECT (SELECT count(*) FROM import_batch), (SELECT count(*) FROM import_customer),
       (SELECT coalesce(sum(units), 0) FROM import_batch_earning)
"""


@dataclass(frozen=True, slots=True)
class Batch:
    """What a batch wrote; `units` in all programs together."""

    orders: int
    lines: int
    customers: int
    units: int


def write_batch(*, actor: Actor, first: int, last: int) -> Batch:
    """Write the orders numbered `first` to `last`, all or nothing.

    Whoever is killed before the commit has written none of them; after it, all.
    """
    authorise(actor, Perm.ORDERS_RECORD)
    values: dict[str, Any] = {"first": first, "last": last, "now": timezone.now()}
    author = {"actor_kind": actor.kind, "actor_label": actor.label, "actor_user": actor.user_id}
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute(_TABLES)
        cursor.execute(_STORES, values)
        stores = cursor.rowcount
        cursor.execute(_CUSTOMERS, values)
        if cursor.rowcount:
            hooks.customers_imported(actor, MEMBERS)
        cursor.execute(_CHOOSE, values)
        cursor.execute(_ORDERS, values)
        if cursor.rowcount < last - first + 1:
            cursor.execute(_FORGET_LATE)
        cursor.execute("ANALYZE import_batch")
        cursor.execute(_LINES, values)
        lines = cursor.rowcount
        hooks.orders_imported(actor, BATCH)
        cursor.execute(_EVENTS, values | author)
        cursor.execute(_SUMS)
        orders, customers, units = cursor.fetchone()
        batch = Batch(orders=orders, lines=lines, customers=customers, units=int(units))
        told = {"orders": orders, "lines": lines, "customers": customers, "stores": stores}
        told["units"] = batch.units
        record_audit(actor, Act("orders.imported", "order", None, after=told))
    return batch
