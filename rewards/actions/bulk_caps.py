"""The caps per day and customer, for many orders at once.

What one order leaves of a cap the next one gets, so they are gone through one by one, in the
order in which they came; only rules with such a cap are looked at.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date

from django.conf import settings
from django.db import connection

_CAPPED = """
SELECT e.order_id, e.version_id, e.customer_id, e.rule_id, v.cap_per_day, v.cap_per_customer,
       (e.placed_at AT TIME ZONE %(zone)s)::date, e.units
FROM bulk_earned AS e
JOIN bulk_version AS v ON v.id = e.version_id
 AND (v.cap_per_day IS NOT NULL OR v.cap_per_customer IS NOT NULL)
ORDER BY e.order_id, e.rule_id
"""

# As rewards.actions.earning.within_caps counts: what was taken back leaves room again, on the
# day of its order.
_SO_FAR = """
SELECT a.customer_id, v.rule_id,
       (coalesce(o.placed_at, e.occurred_at) AT TIME ZONE %(zone)s)::date, sum(e.amount)
FROM rewards_account AS a
JOIN rewards_entry AS e ON e.account_id = a.id AND e.kind IN ('earned', 'reversed')
JOIN rewards_earningruleversion AS v ON v.id = e.rule_version_id
JOIN rewards_operation AS p ON p.id = e.operation_id
LEFT JOIN customers_order AS o ON o.id = p.order_id
WHERE (a.customer_id, a.program_id) IN (SELECT customer_id, program_id FROM bulk_earned)
  AND v.rule_id IN (
      SELECT rule_id FROM bulk_version
      WHERE cap_per_day IS NOT NULL OR cap_per_customer IS NOT NULL)
GROUP BY 1, 2, 3
"""

_LOWER = """
UPDATE bulk_earned AS e SET units = lowered.units
FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) AS lowered (order_id, version_id, units)
WHERE e.order_id = lowered.order_id AND e.version_id = lowered.version_id
"""


def keep_within_caps() -> None:
    """Lower what the temporary table `bulk_earned` gives to what the caps allow.

    The accounts are locked; `bulk_version` holds the caps.
    """
    zone = {"zone": settings.STORE_TIME_ZONE}
    with connection.cursor() as cursor:
        cursor.execute(_SO_FAR, zone)
        on_day: dict[tuple[int, int, date], int] = defaultdict(int)
        in_all: dict[tuple[int, int], int] = defaultdict(int)
        for customer, rule, day, units in cursor.fetchall():
            on_day[customer, rule, day] += int(units)
            in_all[customer, rule] += int(units)
        cursor.execute(_CAPPED, zone)
        lowered = []
        for order, version, customer, rule, cap_day, cap_all, day, units in cursor.fetchall():
            left = units
            for cap, so_far in (
                (cap_day, on_day[customer, rule, day]),
                (cap_all, in_all[customer, rule]),
            ):
                left = left if cap is None else min(left, max(cap - so_far, 0))
            on_day[customer, rule, day] += left
            in_all[customer, rule] += left
            if left != units:
                lowered.append((order, version, left))
        if lowered:
            cursor.execute(_LOWER, _columns(lowered))
            cursor.execute("DELETE FROM bulk_earned WHERE units = 0")


def _columns(rows: Iterable[tuple[int, int, int]]) -> list[list[int]]:
    return [list(column) for column in zip(*rows, strict=True)]
