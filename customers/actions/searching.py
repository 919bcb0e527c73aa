"""What searches look at is written here and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection

_REFRESH = r"""
UPDATE customers_customer AS customer SET search_text = fresh.search_text
FROM (
    SELECT c.id, search_normal(concat_ws(E'\n',
        nullif(c.name, ''), c.external_id, nullif(c.document, ''),
        nullif(regexp_replace(c.document, '[^[:alnum:]]', '', 'g'), c.document),
        nullif(c.address, ''), points.text)) AS search_text
    FROM customers_customer c
    LEFT JOIN LATERAL (
        SELECT string_agg(
            CASE kind WHEN 'phone' THEN regexp_replace(value, '\D', '', 'g') ELSE value END,
            E'\n' ORDER BY kind, id) AS text
        FROM activity_contactpoint WHERE customer_id = c.id
    ) points ON true
    WHERE c.id = ANY(%s)
) fresh
WHERE customer.id = fresh.id AND customer.search_text <> fresh.search_text
"""


def refresh_search(customer_ids: Sequence[int]) -> None:
    """Bring `search_text` of these customers up to date, in one statement.

    Everything that writes a name, external id, document, address or contact point calls it
    in the same transaction. A phone number stands there as its digits with the country
    code, so that it is found with and without.
    """
    with connection.cursor() as cursor:
        cursor.execute(_REFRESH, [list(customer_ids)])
