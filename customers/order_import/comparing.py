"""Which orders are new: one recorded before is skipped, or refused when it differs."""

from __future__ import annotations

from django.db import connection

_FIND = """
UPDATE import_order SET recorded_id = recorded.id
FROM import_store AS store, customers_order AS recorded
WHERE store.code = import_order.store AND recorded.store_id = store.id
  AND recorded.number = import_order.number
"""

_OTHER_HEAD = """
INSERT INTO import_fault (line, order_number, store, field, message)
SELECT o.first_line, o.number, o.store, field,
       format('an order with this number was recorded before, with “%s” instead of “%s”',
              left(recorded, 80), left(given, 80))
FROM import_order AS o
JOIN customers_order AS r ON r.id = o.recorded_id
LEFT JOIN customers_customer AS c ON c.id = r.customer_id,
LATERAL (VALUES
    ('placed_at', o.placed::text, r.placed_at::text),
    ('customer_external_id', o.customer, coalesce(c.external_id, '')),
    ('currency', o.currency, r.currency),
    ('line_total', o.total::numeric(14, 2)::text, r.total::text),
    ('line_discount', o.discount::numeric(14, 2)::text, r.discount::text)
) AS pairs (field, given, recorded)
WHERE given <> recorded
"""

_OTHER_LINES = """
INSERT INTO import_fault (line, order_number, store, field, message)
SELECT o.first_line, o.number, o.store, 'order_number',
       'an order with this number was recorded before, with other lines'
FROM import_order AS o
WHERE o.recorded_id IN (
    SELECT coalesce(given.recorded_id, recorded.order_id)
    FROM (
        SELECT o.recorded_id, line.*,
               row_number() OVER (PARTITION BY o.recorded_id ORDER BY line.line) AS position
        FROM import_order AS o
        JOIN import_line AS line ON line.order_number = o.number AND line.store = o.store
        WHERE o.recorded_id IS NOT NULL
    ) AS given
    FULL JOIN (
        SELECT line.* FROM customers_orderline AS line
        JOIN import_order AS o ON o.recorded_id = line.order_id
    ) AS recorded
        ON recorded.order_id = given.recorded_id AND recorded.position = given.position
    WHERE recorded.id IS NULL OR given.line IS NULL
       OR given.sku <> recorded.sku OR given.product <> recorded.product
       OR given.category <> recorded.category
       OR given.quantity::numeric <> recorded.quantity
       OR given.line_total::numeric <> recorded.total
       OR given.line_discount::numeric <> recorded.discount
)
"""

_FORGET_RECORDED = "DELETE FROM import_order WHERE recorded_id IS NOT NULL"
_FORGET_FAULTY = """
DELETE FROM import_order USING import_fault AS fault
WHERE import_order.number = fault.order_number AND import_order.store = fault.store
"""


def leave_out_recorded() -> int:
    """Take the orders that were recorded before out of `import_order`; how many were the same."""
    with connection.cursor() as cursor:
        cursor.execute(_FIND)
        if not cursor.rowcount:
            return 0
        cursor.execute("ANALYZE import_order")
        cursor.execute(_OTHER_HEAD)
        cursor.execute(_OTHER_LINES)
        cursor.execute(_FORGET_FAULTY)
        cursor.execute(_FORGET_RECORDED)
        return int(cursor.rowcount)


# Chronologically, so that running balances come out as if each order had come in on its day;
# ties as bytes sort, which is the same on every server.
_NUMBER = """
UPDATE import_order SET order_no = numbered.order_no
FROM (
    SELECT number, store, row_number() OVER (ORDER BY placed, number, store) AS order_no
    FROM import_order
) AS numbered
WHERE import_order.number = numbered.number AND import_order.store = numbered.store
"""

_READY = """
CREATE TEMP TABLE import_ready AS
SELECT o.order_no, row_number() OVER (PARTITION BY o.order_no ORDER BY line.line)::int AS position,
       line.sku, line.product, line.category, line.quantity::numeric AS quantity,
       line.line_total::numeric AS total, line.line_discount::numeric AS discount
FROM import_order AS o
JOIN import_line AS line ON line.order_number = o.number AND line.store = o.store
ORDER BY 1, 2;
CREATE INDEX ON import_ready (order_no);
CREATE INDEX ON import_order (order_no);
TRUNCATE import_line;
ANALYZE import_ready;
ANALYZE import_order
"""


_COUNT = """
SELECT count(*), coalesce(sum(lines), 0),
       count(DISTINCT customer) FILTER (WHERE customer <> '' AND NOT EXISTS (
           SELECT FROM customers_customer WHERE external_id = customer))
FROM import_order
"""


def number_orders() -> tuple[int, int, int]:
    """Put the new orders in their order, with their lines.

    Answers how many orders, lines and unknown customers there are.
    """
    with connection.cursor() as cursor:
        cursor.execute(_NUMBER)
        cursor.execute(_READY)
        cursor.execute(_COUNT)
        orders, lines, customers = cursor.fetchone()
    return int(orders), int(lines), int(customers)
