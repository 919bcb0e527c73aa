"""A customer with a long history, set-based: orders that earned, spending, and their events."""

from __future__ import annotations

from django.db import connection

from customers.models import Customer
from rewards.models import Program

OPEN_LOTS = 20
"""So many of the credits are not spent, as many lots are open."""

_STATEMENTS = (
    """
INSERT INTO customers_order
    (store_id, number, customer_id, placed_at, currency, total, discount, status, recorded_at)
SELECT store.id, 'H' || %(customer)s || '-' || k, %(customer)s,
    now() - (%(pairs)s - k) * interval '1 hour', 'EUR', 12.50, 0, 'completed', now()
FROM staff_store store, generate_series(1, %(pairs)s) AS k WHERE store.code = 'bench' ORDER BY k
""",
    """
INSERT INTO customers_orderline
    (order_id, customer_id, position, sku, product, category, quantity, total, discount)
SELECT id, customer_id, position, 'SKU-' || position, 'Coffee beans', 'GROCERY', 1, 6.25, 0
FROM customers_order, generate_series(1, 2) AS position
WHERE customer_id = %(customer)s AND number LIKE 'H%%' ORDER BY id
""",
    """
INSERT INTO rewards_operation
    (customer_id, kind, order_id, internal_note, customer_comment, reference, counts_for_tier,
     idempotency_key, fingerprint, occurred_at, recorded_at, actor_kind, actor_label)
SELECT customer_id, part.kind, CASE part.kind WHEN 'earn' THEN id END, '', '', part.reference,
    part.kind = 'earn', part.kind || ':bench:' || number, '', placed_at + part.later,
    placed_at + part.later, 'system', 'opening'
FROM (SELECT *, row_number() OVER (ORDER BY id) AS k FROM customers_order
      WHERE customer_id = %(customer)s AND number LIKE 'H%%') o
CROSS JOIN LATERAL (VALUES ('earn', '', interval '0'), ('debit', number, interval '9 minutes'))
    AS part(kind, reference, later)
WHERE part.kind = 'earn' OR k <= %(spent)s
ORDER BY id, part.later
""",
    """
INSERT INTO rewards_entry
    (operation_id, account_id, customer_id, bucket, kind, amount, balance_after, occurred_at)
SELECT o.id, a.id, o.customer_id, 'available',
    CASE o.kind WHEN 'earn' THEN 'earned' ELSE 'spent' END, change.amount,
    a.balance + sum(change.amount) OVER (ORDER BY o.id), o.occurred_at
FROM rewards_operation o
JOIN rewards_account a ON a.customer_id = o.customer_id AND a.program_id = %(program)s
CROSS JOIN LATERAL (SELECT CASE o.kind WHEN 'earn' THEN 12 ELSE -12 END AS amount) AS change
WHERE o.customer_id = %(customer)s AND o.kind IN ('earn', 'debit') ORDER BY o.id
""",
    """
INSERT INTO rewards_lot
    (account_id, customer_id, entry_id, granted, remaining, is_pending, available_at, expires_at)
SELECT account_id, customer_id, id, amount,
    CASE WHEN row_number() OVER (ORDER BY id) <= %(spent)s THEN 0 ELSE amount END, false,
    occurred_at, occurred_at + interval '1 year'
FROM rewards_entry WHERE customer_id = %(customer)s AND kind = 'earned' ORDER BY id
""",
    """
INSERT INTO rewards_allocation (entry_id, lot_id, customer_id, amount)
SELECT spent.id, lot.id, %(customer)s, lot.granted
FROM (SELECT id, row_number() OVER (ORDER BY id) AS k FROM rewards_entry
      WHERE customer_id = %(customer)s AND kind = 'spent') spent
JOIN (SELECT id, granted, row_number() OVER (ORDER BY id) AS k FROM rewards_lot
      WHERE customer_id = %(customer)s AND remaining = 0) lot USING (k)
""",
    """
UPDATE rewards_account SET balance = balance + 12 * (%(pairs)s - %(spent)s)
WHERE customer_id = %(customer)s AND program_id = %(program)s
""",
    """
INSERT INTO activity_event
    (customer_id, occurred_at, kind, object_id, data, recorded_at, actor_kind, actor_label)
SELECT customer_id, placed_at, 'order.recorded', id,
    jsonb_build_object('number', number, 'store', 'bench', 'store_name', 'Bench store',
        'currency', currency, 'total', total::text, 'earned', jsonb_build_array(
            jsonb_build_object('program_id', %(program)s, 'program', 'Points', 'units', 12,
                'unit_name', 'points', 'pending_until', NULL))),
    placed_at, 'system', 'opening'
FROM customers_order WHERE customer_id = %(customer)s AND number LIKE 'H%%' ORDER BY id
""",
    """
INSERT INTO activity_event
    (customer_id, occurred_at, kind, object_id, data, recorded_at, actor_kind, actor_label)
SELECT o.customer_id, o.occurred_at, 'ledger.spent', o.id,
    jsonb_build_object('program_id', %(program)s, 'program', 'Points', 'unit_singular', 'point',
        'unit_plural', 'points', 'units', e.amount, 'before', e.balance_after - e.amount,
        'after', e.balance_after, 'reason', NULL, 'internal_note', '', 'customer_comment', '',
        'reference', o.reference),
    o.occurred_at, 'system', 'opening'
FROM rewards_operation o JOIN rewards_entry e ON e.operation_id = o.id
WHERE o.customer_id = %(customer)s AND o.kind = 'debit' ORDER BY o.id
""",
)


def customer_with_history(program: Program, events: int, *, skip: int = 0) -> Customer:
    """A member who gets about this many events, half orders that earned and half spending.

    `skip` chooses another member. Their ledger adds up as everybody's does.
    """
    members = Customer.objects.filter(status=Customer.Status.MEMBER, orders=None)
    customer = members.order_by("pk")[skip]
    pairs = (events + OPEN_LOTS) // 2
    parameters = {
        "customer": customer.pk,
        "program": program.pk,
        "pairs": pairs,
        "spent": max(0, pairs - OPEN_LOTS),
    }
    with connection.cursor() as cursor:
        for statement in _STATEMENTS:
            cursor.execute(statement, parameters)
    return customer
