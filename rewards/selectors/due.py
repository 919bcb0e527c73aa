"""Accounts in which time has something to do."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q

from rewards.models import Lot


def due_accounts(now: datetime, limit: int) -> list[tuple[int, int]]:
    """Up to `limit` accounts with a lot to release or to expire, as (customer, program)."""
    due = Q(is_pending=True, available_at__lte=now) | Q(is_pending=False, expires_at__lte=now)
    return list(
        Lot.objects.filter(due, remaining__gt=0)
        .order_by("account_id")
        .values_list("account__customer_id", "account__program_id")
        .distinct()[:limit]
    )
