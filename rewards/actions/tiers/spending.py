"""Ladders that count money: an order moves its customer even where it earns no units."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection
from django.utils import timezone

from customers.hooks import Earning
from customers.models import Order, OrderLine
from loyalty_admin.common.actor import Actor
from rewards.actions.tiers.evaluating import move_found
from rewards.models import Program
from rewards.selectors.standings import changing_customers
from rewards.selectors.tiers import has_ladders


def follow_spending(actor: Actor, order: Order, lines: Sequence[OrderLine]) -> list[Earning]:
    """Look at the customer of an order that came in; part of that act, after its earning.

    It earns nothing by itself. One query where no ladder counts money.
    """
    if order.customer_id is None or not has_ladders(Program.TierBasis.WINDOW_SPEND):
        return []
    now = timezone.now()
    found = changing_customers([order.customer_id], at=now, by_money_alone=True)
    move_found(actor, found, now)
    return []


def follow_imported_spending(actor: Actor, table: str) -> None:
    """The same for a batch of orders, whose ids the temporary table holds.

    `table` comes from the caller's own code, never from outside.
    """
    if not has_ladders(Program.TierBasis.WINDOW_SPEND):
        return
    now = timezone.now()
    found = changing_customers(_customers_in(table), at=now, by_money_alone=True)
    move_found(actor, found, now)


def _customers_in(table: str) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT DISTINCT o.customer_id FROM {table} AS b "
            "JOIN customers_order AS o ON o.id = b.order_id WHERE o.customer_id IS NOT NULL"
        )
        return [customer for (customer,) in cursor.fetchall()]
