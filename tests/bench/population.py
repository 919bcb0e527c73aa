"""A store of any size, written set-based: the same rows that the actions would have written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

from django.db import connection

from loyalty_admin.staff.models import Store
from rewards.models import Program

OLD_TERM = "Anacleta"
"""A first name that one in four of the older half of the customers has, and none of the newest."""
COMMON_TERM = "García"
"""A surname of one in twelve, old or new."""

FIRST = "Ana María Lucía José Íñigo James Olu Sofía Hannah Dmitri Eva Zoë Çelik Núria Peter Mei"
LAST = "García Pérez Méndez Turner Kazeem Ruiz Berg Koval Varga Ibáñez Castaño O'Neill"
CITIES = "Madrid Bilbao Cádiz A|Coruña Sevilla Logroño Málaga Girona"

_CUSTOMERS = """
WITH words AS (
    SELECT string_to_array(%(first)s, ' ') AS firsts, string_to_array(%(last)s, ' ') AS lasts,
           string_to_array(%(cities)s, ' ') AS cities
), chosen AS (
    SELECT %(after)s + k AS i, k, hashint8(k)::bigint + 2147483648 AS h
    FROM generate_series(1, %(n)s) AS k
), people AS (
    SELECT i,
        (CASE WHEN k < %(n)s / 2 AND h %% 4 = 0 THEN %(old)s
              ELSE firsts[1 + (h / 7) %% cardinality(firsts)] END)
        || ' ' || lasts[1 + (h / 131) %% cardinality(lasts)]
        || ' ' || lasts[1 + (h / 1999) %% cardinality(lasts)] AS name,
        'C' || lpad(i::text, 7, '0') AS external_id,
        lpad((h %% 100000000)::text, 8, '0') || chr(65 + (h %% 23)::int) AS document,
        'Calle Mayor ' || 1 + h %% 200 || ', '
            || replace(cities[1 + (h / 17) %% cardinality(cities)], '|', ' ') AS address,
        CASE WHEN h %% 50 = 0 THEN 'removed' WHEN h %% 12 = 0 THEN 'guest' ELSE 'member' END
            AS status,
        now() - (%(n)s - k) * (interval '3 years' / %(n)s) AS came
    FROM chosen, words
)
INSERT INTO customers_customer
    (external_id, name, document, address, language, status, joined_at, created_at, search_text)
SELECT external_id, name, document, address, 'es', status,
    CASE WHEN status <> 'guest' THEN came END, came,
    search_normal(concat_ws(E'\\n', name, external_id, document, address,
        'person' || i || '@example.com', '346' || lpad(i::text, 8, '0')))
FROM people ORDER BY i
"""

_CONTACT_POINTS = """
INSERT INTO activity_contactpoint (customer_id, kind, value, state, state_reason, created_at)
SELECT c.id, point.kind, point.value, point.state,
    CASE point.state WHEN 'ok' THEN '' ELSE 'The mailbox does not exist (550 5.1.1)' END,
    c.created_at
FROM customers_customer c CROSS JOIN LATERAL (VALUES
    ('email', 'person' || ltrim(substr(c.external_id, 2), '0') || '@example.com',
     CASE WHEN c.id %% 33 = 0 THEN 'blocked' ELSE 'ok' END),
    ('phone', '+346' || lpad(ltrim(substr(c.external_id, 2), '0'), 8, '0'), 'ok')
) AS point(kind, value, state)
WHERE c.id > %(after)s ORDER BY c.id
"""

_LEDGER = (
    """
INSERT INTO rewards_account (customer_id, program_id, balance, pending, debt)
SELECT id, %(program)s, 1 + id %% 2000, 0, 0 FROM customers_customer
WHERE id > %(after)s AND status = 'member' ORDER BY id
""",
    """
INSERT INTO rewards_operation
    (customer_id, kind, internal_note, customer_comment, reference, counts_for_tier,
     idempotency_key, fingerprint, occurred_at, recorded_at,
     actor_kind, actor_label)
SELECT customer_id, 'adjust', '', 'Opening balance', '', false,
    'opening:' || customer_id, '', now(), now(), 'system', 'opening'
FROM rewards_account WHERE program_id = %(program)s AND customer_id > %(after)s ORDER BY id
""",
    """
INSERT INTO rewards_entry
    (operation_id, account_id, customer_id, bucket, kind, amount, balance_after, occurred_at)
SELECT o.id, a.id, a.customer_id, 'available', 'adjusted', a.balance, a.balance, o.occurred_at
FROM rewards_account a JOIN rewards_operation o
    ON o.customer_id = a.customer_id AND o.idempotency_key = 'opening:' || a.customer_id
WHERE a.program_id = %(program)s AND a.customer_id > %(after)s ORDER BY a.id
""",
    """
INSERT INTO rewards_lot
    (account_id, customer_id, entry_id, granted, remaining, is_pending, available_at, expires_at)
SELECT e.account_id, e.customer_id, e.id, e.amount, e.amount, false, e.occurred_at,
    e.occurred_at + interval '1 year'
FROM rewards_entry e JOIN rewards_account a ON a.id = e.account_id
WHERE a.program_id = %(program)s AND e.customer_id > %(after)s ORDER BY e.id
""",
)

_ORDERS = (
    """
INSERT INTO customers_order
    (store_id, number, customer_id, placed_at, currency, total, discount, status, recorded_at)
SELECT %(store)s, 'T' || c.id || '-' || k, c.id, c.created_at + k * interval '1 hour', 'EUR',
    10 + c.id %% 90, 0, 'completed', now()
FROM customers_customer c, generate_series(1, 2) AS k
WHERE c.id > %(after)s AND c.id %% 4 = 0 ORDER BY c.id
""",
    """
INSERT INTO customers_orderline
    (order_id, customer_id, position, sku, product, category, quantity, total, discount)
SELECT id, customer_id, 1, 'SKU-' || id %% 500, 'Coffee beans', 'GROCERY', 1, total, 0
FROM customers_order WHERE store_id = %(store)s AND customer_id > %(after)s ORDER BY id
""",
)

_TOLD = (
    """
INSERT INTO activity_event
    (customer_id, occurred_at, kind, object_id, data, recorded_at, actor_kind, actor_label)
SELECT a.customer_id, o.occurred_at, 'ledger.adjusted', o.id,
    jsonb_build_object('program_id', a.program_id, 'program', 'Points',
        'unit_singular', 'point', 'unit_plural', 'points', 'units', a.balance, 'before', 0,
        'after', a.balance, 'reason', NULL, 'internal_note', '',
        'customer_comment', o.customer_comment, 'expires_at', NULL),
    o.recorded_at, o.actor_kind, o.actor_label
FROM rewards_account a JOIN rewards_operation o
    ON o.customer_id = a.customer_id AND o.idempotency_key = 'opening:' || a.customer_id
WHERE a.program_id = %(program)s AND a.customer_id > %(after)s ORDER BY a.id
""",
    """
INSERT INTO activity_event
    (customer_id, occurred_at, kind, object_id, data, recorded_at, actor_kind, actor_label)
SELECT customer_id, placed_at, 'order.recorded', id,
    jsonb_build_object('number', number, 'store', 'bench', 'store_name', 'Bench store',
        'currency', currency, 'total', total::text, 'earned', '[]'::jsonb),
    recorded_at, 'system', 'opening'
FROM customers_order WHERE store_id = %(store)s AND customer_id > %(after)s ORDER BY id
""",
    """
INSERT INTO activity_auditrecord
    (at, verb, object_type, object_id, customer_id, after, request_id, actor_kind, actor_label)
SELECT recorded_at, kind, split_part(kind, '.', 1), object_id, customer_id, data, '',
    actor_kind, actor_label
FROM activity_event WHERE customer_id > %(after)s ORDER BY id
""",
)


def populate(customers: int) -> Program:
    """Add this many customers with two contact points each and, for members, an account.

    Every account has one lot and one entry, `check_ledgers` finds nothing; one customer in
    four has two orders. Timeline and audit tell of all that. Answers the program. A million
    takes a few minutes.
    """
    program = _program()
    store, _new = Store.objects.get_or_create(code="bench", defaults={"name": "Bench store"})
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(id), 0) FROM customers_customer")
        parameters = {
            "n": customers,
            "first": FIRST,
            "last": LAST,
            "cities": CITIES,
            "old": OLD_TERM,
            "after": cursor.fetchone()[0],
            "program": program.pk,
            "store": store.pk,
        }
        with _without_index("customers_search"):
            cursor.execute(_CUSTOMERS, parameters)
        for statement in (_CONTACT_POINTS, *_LEDGER, *_ORDERS, *_TOLD):
            cursor.execute(statement, parameters)
        cursor.execute("ANALYZE")
    return program


def _program() -> Program:
    program, _new = Program.objects.get_or_create(
        code="bench",
        defaults={
            "name": "Points",
            "status": Program.Status.ACTIVE,
            "unit_value": Decimal("0.01"),
            "currency": "EUR",
        },
    )
    return program


@contextmanager
def _without_index(name: str) -> Iterator[None]:
    """Build an index once at the end instead of row by row."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_indexdef(%s::regclass)", [name])
        (definition,) = cursor.fetchone()
        cursor.execute(f'DROP INDEX "{name}"')
        yield
        cursor.execute("SET maintenance_work_mem = '256MB'")
        cursor.execute(definition)
        cursor.execute("RESET maintenance_work_mem")
