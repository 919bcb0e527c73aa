"""Who stands, and stood, on which step of a program's ladder."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from django.db.models import Q

from rewards.models import TierMembership

MULTIPLIER_AT = """
LEFT JOIN LATERAL (
    SELECT stood_tier.multiplier
    FROM rewards_tiermembership AS stood_on
    JOIN rewards_tier AS stood_tier ON stood_tier.id = stood_on.tier_id
    WHERE stood_on.customer_id = {customer} AND stood_on.program_id = {program}
      AND stood_on.since <= {at} AND (stood_on.ended_at IS NULL OR stood_on.ended_at > {at})
    ORDER BY stood_on.since DESC, stood_on.id DESC LIMIT 1
) AS stood ON true
"""
"""What `multiplier_at` answers, as a join for many rows at once: `stood.multiplier`, NULL for 1.

Format it with the expressions of the row: `MULTIPLIER_AT.format(customer="sale.customer_id",
program="v.program_id", at="sale.placed_at")`. It adds no rows and takes none away.
"""


def multiplier_at(customer_id: int, program_ids: Sequence[int], at: datetime) -> dict[int, Decimal]:
    """By program, the multiplier of the step on which the customer stood then; left out where 1.

    A step counts from the moment somebody was put on it: what was bought before, and came in
    later, is not multiplied by it.
    """
    rows = (
        TierMembership.objects.filter(
            Q(ended_at__isnull=True) | Q(ended_at__gt=at),
            customer_id=customer_id,
            program_id__in=program_ids,
            since__lte=at,
        )
        .order_by("since", "pk")
        .values_list("program_id", "tier__multiplier")
    )
    return {program: multiplier for program, multiplier in rows if multiplier != 1}
