"""Accounts in which time has something to do."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q

from rewards.models import Lot


def due_accounts(now: datetime, *, after: int, limit: int) -> list[tuple[int, int, int]]:
    """Up to `limit` accounts with something due, as (account, customer, program).

    In the order of their keys, beginning behind the account `after`.
    """
    due = Q(is_pending=True, available_at__lte=now) | Q(is_pending=False, expires_at__lte=now)
    return list(
        Lot.objects.filter(due, remaining__gt=0, account_id__gt=after)
        .order_by("account_id")
        .values_list("account_id", "account__customer_id", "account__program_id")
        .distinct()[:limit]
    )
