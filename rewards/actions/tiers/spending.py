"""Ladders that count money: an order moves its customer even where it earns no units."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection
from django.utils import timezone

from customers.hooks import Earning
from customers.models import Order, OrderLine
from loyalty_admin.common.actor import Actor
from rewards.actions.locking import lock_account
from rewards.actions.tiers.evaluating import evaluate, evaluate_many
from rewards.models import Account, Program
from rewards.selectors.standings import changing_customers
from rewards.selectors.tiers import has_ladders


def follow_spending(actor: Actor, order: Order, lines: Sequence[OrderLine]) -> list[Earning]:
    """Look at the customer of an order that came in; part of that act, after its earning.

    It earns nothing by itself. One query where no ladder counts money.
    """
    if order.customer_id is None or not has_ladders(Program.TierBasis.WINDOW_SPEND):
        return []
    now = timezone.now()
    for standing in changing_customers([order.customer_id], at=now, by_money_alone=True):
        evaluate(actor, lock_account(standing.customer_id, standing.program_id), now)
    return []


def follow_imported_spending(actor: Actor, table: str) -> None:
    """The same for a batch of orders, whose ids the temporary table holds.

    `table` comes from the caller's own code, never from outside.
    """
    if not has_ladders(Program.TierBasis.WINDOW_SPEND):
        return
    now = timezone.now()
    found = changing_customers(_customers_in(table), at=now, by_money_alone=True)
    Account.objects.bulk_create(
        [
            Account(customer_id=standing.customer_id, program_id=standing.program_id)
            for standing in found
            if standing.account_id is None
        ],
        ignore_conflicts=True,
    )
    accounts = Account.objects.filter(
        customer_id__in={standing.customer_id for standing in found},
        program__tier_basis=Program.TierBasis.WINDOW_SPEND,
    )
    evaluate_many(actor, list(accounts.values_list("pk", flat=True)), now)


def _customers_in(table: str) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT DISTINCT o.customer_id FROM {table} AS b "
            "JOIN customers_order AS o ON o.id = b.order_id WHERE o.customer_id IS NOT NULL"
        )
        return [customer for (customer,) in cursor.fetchall()]
