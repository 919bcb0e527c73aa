-- The floor of the expiry sweep: the same rows into the same tables, for the accounts from
-- "first" to "last" in one transaction, by INSERT ... SELECT and UPDATE; without a lock, and
-- without a look at who else is at it or whose time stands still.

SET LOCAL enable_seqscan = off;
SET LOCAL jit = off;

CREATE TEMP TABLE due ON COMMIT DROP AS
SELECT lot.id AS lot_id, lot.account_id, lot.customer_id, lot.remaining
FROM rewards_lot AS lot
WHERE lot.account_id BETWEEN %(first)s AND %(last)s AND lot.remaining > 0
  AND NOT lot.is_pending AND lot.expires_at <= %(now)s;

CREATE TEMP TABLE owner ON COMMIT DROP AS
SELECT nextval('rewards_operation_id_seq') AS operation_id,
       nextval('rewards_entry_id_seq') AS entry_id, sums.*, a.balance AS before,
       a.balance - units AS after, p.id AS program_id, p.name, p.unit_singular, p.unit_plural
FROM (SELECT account_id, customer_id, sum(remaining) AS units FROM due GROUP BY 1, 2) AS sums
JOIN rewards_account AS a
    ON a.id = sums.account_id AND a.id BETWEEN %(first)s AND %(last)s
JOIN rewards_program AS p ON p.id = a.program_id;

ANALYZE due, owner;

INSERT INTO rewards_operation
    (id, customer_id, kind, internal_note, customer_comment, reference, counts_for_tier,
     idempotency_key, fingerprint, occurred_at, recorded_at, actor_kind, actor_label)
SELECT operation_id, customer_id, 'expire', '', '', '', true, 'expire:' || gen_random_uuid(), '',
       %(now)s, now(), 'system', 'expiry'
FROM owner;

INSERT INTO rewards_entry
    (id, operation_id, account_id, customer_id, bucket, kind, amount, balance_after, occurred_at)
SELECT entry_id, operation_id, account_id, customer_id, 'available', 'expired', -units, after,
       %(now)s
FROM owner;

INSERT INTO rewards_allocation (entry_id, lot_id, customer_id, amount)
SELECT entry_id, lot_id, due.customer_id, remaining FROM due JOIN owner USING (account_id);

UPDATE rewards_lot SET remaining = 0 FROM due WHERE id = lot_id;

UPDATE rewards_account SET balance = after FROM owner
WHERE id = account_id AND id BETWEEN %(first)s AND %(last)s;

INSERT INTO activity_event
    (customer_id, occurred_at, kind, object_id, data, recorded_at, actor_kind, actor_label)
SELECT customer_id, %(now)s, 'ledger.expired', operation_id,
       jsonb_build_object('program_id', program_id, 'program', name,
           'unit_singular', unit_singular, 'unit_plural', unit_plural, 'units', units,
           'before', before, 'after', after),
       now(), 'system', 'expiry'
FROM owner;

INSERT INTO activity_auditrecord
    (at, verb, object_type, object_id, customer_id, before, after, request_id, actor_kind,
     actor_label)
SELECT now(), 'ledger.expired', 'operation', operation_id, customer_id,
       jsonb_build_object('balance', before), jsonb_build_object('balance', after), '', 'system',
       'expiry'
FROM owner;
