-- The floor of the order import: the same rows into the same tables, indexes and constraints,
-- by COPY and INSERT ... SELECT, without a look at what is in them. The file has been copied
-- into raw_line(line, order_number, placed_at, customer, store, sku, product, category,
-- quantity, total, discount), and one points program gives a point for each whole unit.

-- The same plans as the import's: the floor must not lose by the planner's ignorance.
SET LOCAL enable_nestloop = off;
SET LOCAL jit = off;
SET LOCAL work_mem = '128MB';

INSERT INTO staff_store (code, name, kind, time_zone, currency, is_active, created_at)
SELECT DISTINCT store, store, 'shop', 'Europe/Madrid', 'EUR', true, now() FROM raw_line;

CREATE TEMP TABLE raw_order AS
SELECT store, order_number AS number, customer,
       min(placed_at) AT TIME ZONE 'Europe/Madrid' AS placed_at,
       sum(total) AS total, sum(discount) AS discount
FROM raw_line GROUP BY store, order_number, customer;

INSERT INTO customers_customer
    (external_id, name, document, address, language, status, joined_at, created_at, search_text)
SELECT customer, '', '', '', 'en', 'member', min(placed_at), min(placed_at),
       search_normal(customer)
FROM raw_order WHERE customer <> '' GROUP BY customer;

INSERT INTO customers_order
    (store_id, number, customer_id, placed_at, currency, total, discount, status, recorded_at)
SELECT s.id, o.number, c.id, o.placed_at, 'EUR', o.total, o.discount, 'completed', now()
FROM raw_order AS o
JOIN staff_store AS s ON s.code = o.store
LEFT JOIN customers_customer AS c ON c.external_id = o.customer
ORDER BY o.placed_at, o.number;

INSERT INTO customers_orderline
    (order_id, customer_id, position, sku, product, category, quantity, total, discount)
SELECT o.id, o.customer_id, row_number() OVER (PARTITION BY o.id ORDER BY l.line),
       coalesce(l.sku, ''), coalesce(l.product, ''), coalesce(l.category, ''),
       l.quantity, l.total, l.discount
FROM raw_line AS l
JOIN staff_store AS s ON s.code = l.store
JOIN customers_order AS o ON o.store_id = s.id AND o.number = l.order_number;

INSERT INTO rewards_account (customer_id, program_id, balance, pending, debt)
SELECT o.customer_id, p.id, sum(floor(o.total)), 0, 0
FROM customers_order AS o, rewards_program AS p
WHERE o.total >= 1 AND o.customer_id IS NOT NULL
GROUP BY o.customer_id, p.id;

INSERT INTO rewards_operation
    (customer_id, kind, order_id, internal_note, customer_comment, reference, counts_for_tier,
     idempotency_key, fingerprint, occurred_at, recorded_at, actor_kind, actor_label)
SELECT o.customer_id, 'earn', o.id, '', '', '', true, 'order:' || s.code || ':' || o.number, '',
       o.placed_at, now(), 'system', 'import_orders'
FROM customers_order AS o JOIN staff_store AS s ON s.id = o.store_id
WHERE o.total >= 1 AND o.customer_id IS NOT NULL
ORDER BY o.id;

INSERT INTO rewards_entry
    (operation_id, account_id, customer_id, bucket, kind, amount, balance_after,
     rule_version_id, occurred_at)
SELECT p.id, a.id, o.customer_id, 'available', 'earned', floor(o.total),
       sum(floor(o.total)) OVER (PARTITION BY a.id ORDER BY o.id), v.id, o.placed_at
FROM rewards_operation AS p
JOIN customers_order AS o ON o.id = p.order_id
JOIN rewards_account AS a ON a.customer_id = o.customer_id
CROSS JOIN rewards_earningruleversion AS v
ORDER BY p.id;

INSERT INTO rewards_lot
    (account_id, customer_id, entry_id, granted, remaining, is_pending, available_at)
SELECT account_id, customer_id, id, amount, amount, false, occurred_at
FROM rewards_entry ORDER BY id;

INSERT INTO activity_event
    (customer_id, occurred_at, kind, object_id, data, recorded_at, actor_kind, actor_label)
SELECT id, joined_at, kind, id,
       jsonb_build_object('status', 'member', 'name', '', 'external_id', external_id,
                          'document', '', 'address', '', 'language', 'en'),
       now(), 'system', 'import_orders'
FROM customers_customer, (VALUES ('customer.created'), ('customer.enrolled')) AS kinds (kind);

INSERT INTO activity_event
    (customer_id, occurred_at, kind, object_id, data, recorded_at, actor_kind, actor_label)
SELECT o.customer_id, o.placed_at, 'order.recorded', o.id,
       jsonb_build_object('number', o.number, 'store', s.code, 'store_name', s.name,
           'currency', o.currency, 'total', o.total::text,
           'earned', CASE WHEN o.total >= 1 THEN jsonb_build_array(jsonb_build_object(
               'program', 'Points', 'units', floor(o.total), 'unit_name', 'points',
               'pending_until', NULL)) ELSE '[]' END),
       now(), 'system', 'import_orders'
FROM customers_order AS o JOIN staff_store AS s ON s.id = o.store_id
WHERE o.customer_id IS NOT NULL
ORDER BY o.id;
