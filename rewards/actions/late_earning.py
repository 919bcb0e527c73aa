"""Orders that earn after their time: claimed by their customer, or completed again."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils import timezone

from customers.hooks import Earning
from customers.models import Order, OrderLine
from loyalty_admin.common.actor import Actor
from rewards.actions.earning import earn_for_order
from rewards.actions.locking import lock_accounts
from rewards.actions.settling import settle
from rewards.models import Account, Program


def earn_late(actor: Actor, order: Order, lines: Sequence[OrderLine]) -> list[Earning]:
    """Credit what the order would have earned on its date.

    What would have expired meanwhile stays for the program's grace, and so does an account
    that would have lapsed. Runs inside the transaction of the act, with the order locked.
    """
    if order.customer_id is None:
        return []
    now = timezone.now()
    lapsing = Account.objects.filter(
        customer=order.customer_id,
        program__expiry=Program.Expiry.INACTIVITY,
        expires_at__lte=now,
    )
    if programs := list(lapsing.values_list("program_id", flat=True)):
        # What lapsed before this act is gone, and must not share its grace.
        for account in lock_accounts(order.customer_id, programs).values():
            settle(account, now)
    return earn_for_order(actor, order, lines, lenient=True)
