-- The floor of a mass adjustment: COPY has brought the file into raw_line(line, customer, amount,
-- reason, internal_note, customer_comment); this checks it and writes the same rows into the same
-- tables, indexes and constraints, in one transaction, without a thought of resuming, of lots that
-- are due, of debts, or of two rows for one customer.

SET LOCAL jit = off;

INSERT INTO rewards_massadjustment
    (actor_kind, actor_label, program_id, reason_id, counts_for_tier, filename, digest, size,
     encoding, ignored_columns, status, rows, good, customers, credits, debits, cost,
     short_accounts, chunks, position, done, refused, short_rows, shortfall, applied_by, undone_by,
     uploaded_at, heartbeat_at, idempotency_key, fingerprint)
SELECT 'system', 'bench', p.id, r.id, true, 'file.csv', '', 0, 'UTF-8', '{}', 'applied', 0, 0, 0, 0,
       0, 0, 0, 1, 1, 0, 0, 0, 0, '{}', '{}', now(), now(), 'floor', ''
FROM rewards_program AS p, staff_reasoncode AS r WHERE p.code = 'bench' AND r.code = 'bench';

CREATE TEMP TABLE raw_checked ON COMMIT DROP AS
SELECT l.line, l.customer, l.amount AS amount_text, l.internal_note, l.customer_comment,
       l.reason AS reason_code, c.id AS customer_id, r.id AS reason_id, way, a.id AS account_id,
       a.balance, CASE WHEN l.amount ~ '^[+-]?[0-9]{1,10}$' THEN l.amount::bigint END AS amount,
       c.status = 'member' AND l.amount ~ '^[+-]?[0-9]{1,10}$' AND r.id IS NOT NULL
           AND a.balance + CASE WHEN l.amount ~ '^[+-]?[0-9]{1,10}$' THEN l.amount::bigint END >= 0
           AS good
FROM raw_line AS l
LEFT JOIN LATERAL (
    SELECT id AS found, 'external ID' AS way FROM customers_customer WHERE external_id = l.customer
    UNION ALL
    SELECT customer_id, 'e-mail' FROM activity_contactpoint WHERE value = lower(l.customer)
    UNION ALL
    SELECT id, 'document' FROM customers_customer WHERE document = l.customer
    LIMIT 1
) AS keys ON true
LEFT JOIN customers_customer AS c ON c.id = keys.found
LEFT JOIN staff_reasoncode AS r ON r.code = l.reason
LEFT JOIN rewards_account AS a
    ON a.customer_id = c.id AND a.program_id = (SELECT id FROM rewards_program WHERE code = 'bench');
ANALYZE raw_checked;

CREATE TEMP TABLE raw_posting ON COMMIT DROP AS
SELECT nextval('rewards_operation_id_seq') AS operation_id,
       nextval('rewards_entry_id_seq') AS entry_id, c.*, now() + interval '365 days' AS expires_at
FROM (SELECT * FROM raw_checked WHERE good ORDER BY line) AS c;
ANALYZE raw_posting;

INSERT INTO rewards_operation
    (id, customer_id, kind, reason_id, internal_note, customer_comment, reference,
     counts_for_tier, idempotency_key, fingerprint, occurred_at, recorded_at, actor_kind,
     actor_label)
SELECT operation_id, customer_id, 'adjust', reason_id, internal_note, customer_comment, '', true,
       'mass:' || line, '', now(), now(), 'system', 'bench'
FROM raw_posting ORDER BY operation_id;

INSERT INTO rewards_entry
    (id, operation_id, account_id, customer_id, bucket, kind, amount, balance_after, occurred_at)
SELECT entry_id, operation_id, account_id, customer_id, 'available', 'adjusted', amount,
       balance + amount, now()
FROM raw_posting ORDER BY entry_id;

INSERT INTO rewards_lot
    (account_id, customer_id, entry_id, granted, remaining, is_pending, available_at, expires_at)
SELECT account_id, customer_id, entry_id, amount, amount, false, now(), expires_at
FROM raw_posting WHERE amount > 0 ORDER BY entry_id;

INSERT INTO rewards_allocation (entry_id, lot_id, customer_id, amount)
SELECT p.entry_id, l.id, p.customer_id, -p.amount
FROM raw_posting AS p JOIN rewards_lot AS l ON l.account_id = p.account_id
WHERE p.amount < 0 ORDER BY p.entry_id;

UPDATE rewards_lot AS l SET remaining = l.remaining + p.amount
FROM raw_posting AS p WHERE l.account_id = p.account_id AND p.amount < 0;

UPDATE rewards_account AS a SET balance = a.balance + p.amount
FROM raw_posting AS p WHERE a.id = p.account_id;

INSERT INTO activity_event
    (customer_id, occurred_at, kind, object_id, data, recorded_at, actor_kind, actor_label)
SELECT customer_id, now(), 'ledger.adjusted', operation_id,
       jsonb_build_object('program_id', 1, 'program', 'Points', 'unit_singular', 'point',
           'unit_plural', 'points', 'units', amount, 'before', balance,
           'after', balance + amount, 'reason', reason_id, 'internal_note', internal_note,
           'customer_comment', customer_comment, 'expires_at', expires_at::text, 'batch', 1),
       now(), 'system', 'bench'
FROM raw_posting ORDER BY operation_id;

INSERT INTO activity_auditrecord
    (at, verb, object_type, object_id, customer_id, before, after, request_id, actor_kind,
     actor_label)
SELECT now(), 'ledger.adjusted', 'operation', operation_id, customer_id,
       jsonb_build_object('balance', balance),
       jsonb_build_object('balance', balance + amount, 'program_id', 1, 'program', 'Points',
           'unit_singular', 'point', 'unit_plural', 'points', 'units', amount, 'before', balance,
           'after', balance + amount, 'reason', reason_id, 'internal_note', internal_note,
           'customer_comment', customer_comment, 'expires_at', expires_at::text, 'batch', 1),
       '', 'system', 'bench'
FROM raw_posting ORDER BY operation_id;

INSERT INTO rewards_massadjustmentrow
    (batch_id, line, key, amount_text, amount, reason_code, internal_note, customer_comment,
     customer_id, matched_by, reason_id, chunk, outcome, problem, operation_id, balance_after)
SELECT b.id, c.line, c.customer, c.amount_text, c.amount, c.reason_code, c.internal_note,
       c.customer_comment, c.customer_id, coalesce(c.way, ''), c.reason_id, 1,
       CASE WHEN c.good THEN 'applied' ELSE 'bad' END,
       CASE WHEN c.good THEN '' ELSE 'This row is not right: ' || c.customer END,
       p.operation_id, c.balance + c.amount
FROM raw_checked AS c
CROSS JOIN (SELECT id FROM rewards_massadjustment WHERE idempotency_key = 'floor') AS b
LEFT JOIN raw_posting AS p USING (line)
ORDER BY c.line;
