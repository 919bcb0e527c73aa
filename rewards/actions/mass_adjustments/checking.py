"""The dry run: whose row it is, what is wrong with it, and what the whole file would do."""

from __future__ import annotations

from typing import Any

from django.db import connection

from customers.contacts import phone_or_none
from loyalty_admin.staff.models import ReasonCode
from rewards.actions.balances import DEFAULT_COMMENT
from rewards.models import MassAdjustment

CHUNK = 5_000
"""So many rows are applied in one transaction at most."""
_PHONE = r"^[+0(][0-9 ()./-]{5,24}$|^[0-9][0-9 ()./-]{5,24}$"

_TABLES = """
SET LOCAL jit = off;
CREATE TEMP TABLE mass_key ON COMMIT DROP AS
SELECT DISTINCT key FROM rewards_massadjustmentrow
WHERE batch_id = %(batch)s AND key <> '' AND outcome = 'read';
CREATE TEMP TABLE mass_phone (key text NOT NULL, value text NOT NULL) ON COMMIT DROP;
ANALYZE mass_key
"""
_LIKE_PHONES = f"SELECT key FROM mass_key WHERE key ~ '{_PHONE}'"

# One key may be somebody's external ID and somebody else's document: then it is nobody's.
_FIND = """
CREATE TEMP TABLE mass_found ON COMMIT DROP AS
SELECT key, min(customer_id) AS customer_id, count(DISTINCT customer_id) AS customers,
       (array_agg(way ORDER BY place))[1] AS way,
       array_agg(customer_id ORDER BY place, customer_id) AS whose,
       array_agg(way ORDER BY place, customer_id) AS ways
FROM (
    SELECT k.key, c.id AS customer_id, 'external ID' AS way, 1 AS place
    FROM mass_key AS k JOIN customers_customer AS c ON c.external_id = k.key
    UNION ALL
    SELECT k.key, p.customer_id, 'e-mail', 2
    FROM mass_key AS k
    JOIN activity_contactpoint AS p ON p.value = lower(k.key) AND p.kind = 'email'
    UNION ALL
    SELECT k.key, p.customer_id, 'phone', 3
    FROM mass_phone AS k JOIN activity_contactpoint AS p ON p.value = k.value AND p.kind = 'phone'
    UNION ALL
    SELECT k.key, c.id, 'document', 4
    FROM mass_key AS k JOIN customers_customer AS c ON c.document = k.key
) AS matches
GROUP BY key;
ANALYZE mass_found
"""

_JUDGE = """
CREATE TEMP TABLE mass_judged ON COMMIT DROP AS
SELECT r.id, r.line, r.amount, f.customer_id, coalesce(f.way, '') AS way, reason.id AS reason_id,
       concat_ws(' ', nullif(r.problem, ''), CASE
           WHEN r.outcome = 'bad' OR r.key = '' OR r.key ~ '^[=@]' THEN NULL
           WHEN f.customer_id IS NULL THEN format(
               'No customer has the external ID, e-mail address, phone number or document “%%s”.',
               left(r.key, 80))
           WHEN f.customers > 1 THEN format(
               '“%%s” is %%s: use a key that only one customer has.', left(r.key, 80),
               (SELECT string_agg(format('the %%s of %%s', way,
                    coalesce(nullif(c.name, ''), c.external_id, 'customer ' || c.id)), ' and '
                    ORDER BY place)
                FROM unnest(f.whose, f.ways) WITH ORDINALITY AS w (customer_id, way, place)
                JOIN customers_customer AS c ON c.id = w.customer_id))
           WHEN c.status <> 'member' THEN format(
               '%%s is not a member, so the balance can''t be changed. Enrol first.',
               coalesce(nullif(c.name, ''), c.external_id, 'Customer ' || c.id))
       END, CASE
           WHEN r.outcome = 'bad' OR reason.id IS NOT NULL THEN NULL
           WHEN r.reason_code <> '' THEN format(
               'There is no reason “%%s”; the codes are %%s.', r.reason_code, %(codes)s)
           ELSE 'The reason is missing, and none was chosen for the file.'
       END) AS problem
FROM rewards_massadjustmentrow AS r
LEFT JOIN mass_found AS f ON f.key = r.key
LEFT JOIN customers_customer AS c ON c.id = f.customer_id AND f.customers = 1
LEFT JOIN staff_reasoncode AS reason
    ON CASE WHEN r.reason_code = '' THEN reason.id = %(reason)s
            ELSE reason.code = lower(r.reason_code) AND reason.is_active END
WHERE r.batch_id = %(batch)s;
ANALYZE mass_judged
"""

# Each account is in a chunk once at most: the n-th row of a customer stands in the n-th wave,
# and waves are cut into chunks.
_NUMBER = """
CREATE TEMP TABLE mass_numbered ON COMMIT DROP AS
SELECT id, dense_rank() OVER (ORDER BY wave, part) AS chunk, before, amount
FROM (
    SELECT id, wave, (row_number() OVER (PARTITION BY wave ORDER BY line) - 1) / %(chunk)s AS part,
           before, amount
    FROM (
        SELECT j.id, j.line, j.amount,
               row_number() OVER mine AS wave,
               coalesce(a.balance, 0) + sum(j.amount) OVER mine - j.amount AS before
        FROM mass_judged AS j
        LEFT JOIN rewards_account AS a
            ON a.customer_id = j.customer_id AND a.program_id = %(program)s
        WHERE j.problem = ''
        WINDOW mine AS (PARTITION BY j.customer_id ORDER BY j.line)
    ) AS waves
) AS parts;
ANALYZE mass_numbered
"""

_AS_UNITS = """
translate(to_char({0}, 'FM999,999,999,999,990'), '-', '−') || ' '
    || CASE WHEN abs({0}) = 1 THEN %(unit_singular)s ELSE %(unit_plural)s END
"""


def has_too_little(before: str, amount: str) -> str:
    """SQL for the sentence with which `moving.debit` refuses, from two SQL expressions."""
    return (
        f"'The balance is ' || {_AS_UNITS.format(before)} || '; ' || "
        f"to_char(-({amount}), 'FM999,999,999,999,990') || ' can''t be taken from it.'"
    )


_WRITE = f"""
UPDATE rewards_massadjustmentrow AS r
SET customer_id = j.customer_id, matched_by = j.way, reason_id = j.reason_id, chunk = n.chunk,
    customer_comment = coalesce(nullif(r.customer_comment, ''), %(comment)s),
    outcome = CASE WHEN j.problem = '' THEN 'good' ELSE 'bad' END,
    problem = CASE WHEN j.problem <> '' THEN j.problem
                   WHEN n.amount < 0 AND n.before + n.amount < 0
                   THEN {has_too_little("n.before", "n.amount")} ELSE '' END
FROM mass_judged AS j LEFT JOIN mass_numbered AS n ON n.id = j.id
WHERE r.id = j.id AND r.batch_id = %(batch)s
"""

_SUMS = """
SELECT count(*), count(*) FILTER (WHERE outcome = 'good'),
       count(DISTINCT customer_id) FILTER (WHERE outcome = 'good'),
       coalesce(sum(amount) FILTER (WHERE outcome = 'good' AND amount > 0), 0),
       coalesce(-sum(amount) FILTER (WHERE outcome = 'good' AND amount < 0), 0),
       count(DISTINCT customer_id) FILTER (WHERE outcome = 'good' AND problem <> ''),
       coalesce(max(chunk), 0)
FROM rewards_massadjustmentrow WHERE batch_id = %(batch)s
"""


def check_rows(batch: MassAdjustment) -> None:
    """Check every row of a locked batch and note what applying it would do; `batch` is saved."""
    codes = ReasonCode.objects.filter(is_active=True).values_list("code", flat=True)
    program = batch.program
    values: dict[str, Any] = {
        "batch": batch.pk,
        "program": program.pk,
        "reason": batch.reason_id,
        "codes": ", ".join(codes) or "–",
        "comment": DEFAULT_COMMENT,
        "chunk": CHUNK,
        "unit_singular": program.unit_singular,
        "unit_plural": program.unit_plural,
    }
    with connection.cursor() as cursor:
        cursor.execute(_TABLES, values)
        _normalise_phones()
        cursor.execute(_FIND)
        for statement in (_JUDGE, _NUMBER, _WRITE):
            cursor.execute(statement, values)
        cursor.execute(_SUMS, values)
        sums = cursor.fetchone()
        cursor.execute("DROP TABLE mass_key, mass_phone, mass_found, mass_judged, mass_numbered")
    batch.rows, batch.good, batch.customers, batch.credits, batch.debits = map(int, sums[:5])
    batch.short_accounts, batch.chunks = sums[5:]
    batch.cost = batch.credits * program.unit_value
    batch.status = MassAdjustment.Status.READY
    batch.save()


def _normalise_phones() -> None:
    """Numbers are stored in one way only; what looks like one is written in that way."""
    with connection.cursor() as cursor:
        cursor.execute(_LIKE_PHONES)
        phones = [(key, number) for (key,) in cursor.fetchall() if (number := phone_or_none(key))]
        with cursor.copy("COPY mass_phone FROM STDIN") as copy:
            for row in phones:
                copy.write_row(row)
        cursor.execute("ANALYZE mass_phone")
