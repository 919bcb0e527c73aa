"""The balances that the customer list shows: one column for each active program."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import FilteredRelation, Q

from customers.hooks import ListColumn
from loyalty_admin.common.templatetags.ui import units
from rewards.models import Program


def balance_columns(customer_ids: Sequence[int]) -> list[ListColumn]:
    """The spendable balance of these customers in every active program, in one query."""
    rows = (
        Program.objects.filter(status=Program.Status.ACTIVE)
        .annotate(
            held=FilteredRelation(
                "account", condition=Q(account__customer_id__in=list(customer_ids))
            )
        )
        .order_by("name", "pk")
        .values_list("pk", "name", "held__customer_id", "held__balance")
    )
    names: dict[int, str] = {}
    values: dict[int, dict[int, str]] = {}
    for program_id, name, customer_id, balance in rows:
        names[program_id] = name
        held = values.setdefault(program_id, {})
        if customer_id is not None:
            held[customer_id] = units(balance)
    return [ListColumn(name, values[program_id]) for program_id, name in names.items()]
