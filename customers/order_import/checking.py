"""What is wrong with the staged rows, in SQL: every fault with its line and field.

An order with one faulty line is left out as a whole. What `customers.actions.order_checks`
refuses of a single order is refused here, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from babel.numbers import get_currency_precision
from django.db import connection
from django.utils import timezone

from customers.actions.order_checks import CLOCK_DRIFT
from loyalty_admin.common.money import known_currencies

MONEY = r"^[0-9]{1,12}(\.[0-9]{1,2})?$"
QUANTITY = r"^[0-9]{1,9}(\.[0-9]{1,3})?$"
TIME = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?$"

_LINES = f"""
INSERT INTO import_fault (line, order_number, store, field, message)
SELECT line, order_number, store, field, message
FROM import_line, LATERAL (VALUES
    ('sku', CASE WHEN sku = '' THEN 'is empty'
                 WHEN length(sku) > 60 THEN 'is longer than 60 characters' END),
    ('product', CASE WHEN length(product) > 200 THEN 'is longer than 200 characters' END),
    ('category', CASE WHEN length(category) > 80 THEN 'is longer than 80 characters' END),
    ('quantity', pg_temp.import_number_fault(quantity, 9, 3, '{QUANTITY}')),
    ('line_total', pg_temp.import_number_fault(line_total, 12, 2, '{MONEY}')),
    ('line_discount', pg_temp.import_number_fault(line_discount, 12, 2, '{MONEY}')),
    ('placed_at', CASE WHEN NOT (placed_at ~ '{TIME}' AND pg_input_is_valid(placed_at, 'timestamp'))
                       THEN pg_temp.import_time_fault(placed_at) END)
) AS checks (field, message)
WHERE NOT (
    quantity ~ '{QUANTITY}' AND line_total ~ '{MONEY}' AND line_discount ~ '{MONEY}'
    AND sku <> '' AND length(sku) <= 60 AND length(product) <= 200 AND length(category) <= 80
) AND message IS NOT NULL
"""

_FUNCTIONS = rf"""
CREATE OR REPLACE FUNCTION pg_temp.import_number_fault(
    value text, digits int, places int, pattern text) RETURNS text LANGUAGE sql IMMUTABLE
AS $$ SELECT CASE
    WHEN value ~ pattern THEN NULL
    WHEN value = '' THEN 'is empty; write 0'
    WHEN value ~ '^-[0-9]+(\.[0-9]+)?$'
        THEN format('%s is less than zero; refunds are not imported', left(value, 40))
    WHEN value ~ '^[0-9]+(\.[0-9]+)?$'
        THEN format('%s has more than %s digits before or %s after the point',
                    left(value, 40), digits, places)
    ELSE format('“%s” is not a number such as 12.50', left(value, 40)) END $$;
CREATE OR REPLACE FUNCTION pg_temp.import_time_fault(value text) RETURNS text LANGUAGE sql IMMUTABLE
AS $$ SELECT CASE WHEN value = '' THEN 'is empty'
    WHEN value ~ '{TIME}' THEN format('“%s” is a date or time that does not exist', value)
    ELSE format('“%s” is not a time such as 2026-05-01 18:30:00', left(value, 40)) END $$;
"""

_LEFT_OUT = """
INSERT INTO import_fault (line, order_number, store, field, message)
SELECT min(line.line), line.order_number, line.store, 'order_number',
       format('is left out, as line %s can not be read and may belong to it', min(fault.line))
FROM import_line AS line
JOIN import_fault AS fault ON fault.field = '' AND fault.order_number = line.order_number
GROUP BY line.order_number, line.store
"""

_DROP_FAULTY_LINES = """
DELETE FROM import_line USING (SELECT DISTINCT order_number, store FROM import_fault) AS fault
WHERE import_line.order_number = fault.order_number AND import_line.store = fault.store
"""

_ORDERS = """
CREATE TEMP TABLE import_order AS
SELECT NULL::bigint AS order_no, NULL::bigint AS recorded_id, NULL::timestamptz AS placed,
       store, order_number AS number, min(line) AS first_line, count(*) AS lines,
       min(placed_at) AS placed_at, min(customer_external_id) AS customer,
       min(currency) AS currency,
       sum(line_total::numeric) AS total, sum(line_discount::numeric) AS discount,
       min(placed_at) <> max(placed_at)
           OR min(customer_external_id) <> max(customer_external_id)
           OR min(currency) <> max(currency) AS differs
FROM import_line GROUP BY store, order_number
"""

_DIFFERS = """
INSERT INTO import_fault (line, order_number, store, field, message)
SELECT line.line, line.order_number, line.store, field,
       format('“%s” differs from “%s” on line %s of the same order', left(found, 80),
              left(expected, 80), first_line)
FROM import_order AS o
JOIN import_line AS first ON first.line = o.first_line
JOIN import_line AS line ON line.order_number = o.number AND line.store = o.store,
LATERAL (VALUES
    ('placed_at', first.placed_at, line.placed_at),
    ('customer_external_id', first.customer_external_id, line.customer_external_id),
    ('currency', first.currency, line.currency)
) AS pairs (field, expected, found)
WHERE o.differs AND expected <> found
"""

_HEADS = f"""
INSERT INTO import_fault (line, order_number, store, field, message)
SELECT first_line, number, store, field, message
FROM import_order, LATERAL (VALUES
    ('order_number', CASE WHEN number = '' THEN 'is empty'
        WHEN length(number) > 60 THEN 'is longer than 60 characters' END),
    ('store', CASE WHEN store = '' THEN 'is empty'
        WHEN length(store) > 40 THEN 'is longer than 40 characters' END),
    ('customer_external_id', CASE WHEN length(customer) > 80
        THEN 'is longer than 80 characters' END),
    ('line_total', CASE WHEN greatest(total, discount) >= 1e12
        THEN 'adds up to more than 999,999,999,999.99' END),
    ('placed_at', CASE WHEN NOT (placed_at ~ '{TIME}' AND pg_input_is_valid(placed_at, 'timestamp'))
        THEN pg_temp.import_time_fault(placed_at) END)
) AS checks (field, message)
WHERE NOT differs AND message IS NOT NULL
"""

_STORES = """
CREATE TEMP TABLE import_store AS
SELECT found.store AS code, store.id, coalesce(store.is_active, true) AS is_active,
       coalesce(store.time_zone, %(time_zone)s) AS time_zone,
       coalesce(store.currency, nullif(found.currency, ''), %(new_currency)s) AS currency
FROM (
    SELECT store, (array_agg(coalesce(nullif(currency, ''), %(currency)s) ORDER BY first_line))[1]
                  AS currency
    FROM import_order GROUP BY store
) AS found
LEFT JOIN staff_store AS store ON store.code = found.store;
UPDATE import_order SET
    currency = coalesce(nullif(import_order.currency, ''), nullif(%(currency)s, ''),
                        store.currency),
    placed = import_order.placed_at::timestamp AT TIME ZONE store.time_zone
FROM import_store AS store WHERE store.code = import_order.store
"""

_IN_STORES = """
INSERT INTO import_fault (line, order_number, store, field, message)
SELECT o.first_line, o.number, o.store, field, message
FROM import_order AS o JOIN import_store AS s ON s.code = o.store, LATERAL (VALUES
    ('store', CASE WHEN s.id IS NULL AND %(known_stores_only)s
                   THEN format('there is no store “%%s”', s.code)
                   WHEN NOT s.is_active THEN format('the store “%%s” is closed', s.code) END),
    ('currency', CASE WHEN NOT o.currency = ANY(%(currencies)s)
                      THEN format('“%%s” is not a currency such as EUR', left(o.currency, 40))
                      WHEN o.currency <> s.currency
                      THEN format('the store %%s sells in %%s, not in %%s', s.code, s.currency,
                                  o.currency) END),
    ('placed_at', CASE WHEN o.placed > %(latest)s THEN 'is in the future'
                       WHEN o.placed < '1970-01-01 00:00:00+00' THEN 'is before 1970' END),
    ('line_total', CASE WHEN o.currency = ANY(%(without_cents)s)
                             AND (trunc(o.total) <> o.total OR trunc(o.discount) <> o.discount)
                        THEN format('%%s has no decimal places', o.currency) END)
) AS checks (field, message)
WHERE message IS NOT NULL
"""

_DROP_FAULTY_ORDERS = """
DELETE FROM import_order USING import_fault AS fault
WHERE import_order.number = fault.order_number AND import_order.store = fault.store
"""


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for the whole file; an empty `currency` means that of each store."""

    currency: str
    new_currency: str
    time_zone: str
    known_stores_only: bool


def check_lines() -> None:
    """Note what is wrong with single lines and take their orders out of `import_line`."""
    with connection.cursor() as cursor:
        cursor.execute(_FUNCTIONS)
        cursor.execute(_LINES)
        cursor.execute("SELECT 1 FROM import_fault LIMIT 1")
        if cursor.fetchone():
            cursor.execute(_LEFT_OUT)
            cursor.execute(_DROP_FAULTY_LINES)


def check_orders(terms: Terms) -> None:
    """Make `import_order` of the lines, without the orders in which something is wrong."""
    codes = sorted(known_currencies())
    parameters: dict[str, Any] = {
        "currency": terms.currency,
        "new_currency": terms.new_currency,
        "time_zone": terms.time_zone,
        "latest": timezone.now() + CLOCK_DRIFT,
        "known_stores_only": terms.known_stores_only,
        "currencies": codes,
        "without_cents": [code for code in codes if get_currency_precision(code) < 1],
    }
    with connection.cursor() as cursor:
        cursor.execute(_ORDERS)
        cursor.execute("ANALYZE import_order")
        cursor.execute(_DIFFERS)
        cursor.execute(_HEADS)
        cursor.execute(_DROP_FAULTY_ORDERS)
        cursor.execute(_STORES, parameters)
        cursor.execute(_IN_STORES, parameters)
        cursor.execute(_DROP_FAULTY_ORDERS)
