"""The balances in the list of customers: a column for each running program."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from django.db.models import FilteredRelation, Q

from customers.hooks import ListColumn
from loyalty_admin.common.templatetags.ui import units
from rewards.models import Program


def columns_for(customer_ids: Sequence[int]) -> list[ListColumn]:
    """The balance of each of these customers in each active program. One query."""
    theirs = FilteredRelation("account", condition=Q(account__customer_id__in=customer_ids))
    rows = (
        Program.objects.filter(status=Program.Status.ACTIVE)
        .annotate(theirs=theirs)
        .order_by("name", "pk")
        .values_list("pk", "name", "theirs__customer_id", "theirs__balance")
    )
    labels: dict[int, str] = {}
    balances: dict[int, dict[int, str]] = defaultdict(dict)
    for program, name, customer, balance in rows:
        labels[program] = name
        if customer is not None:
            balances[program][customer] = units(balance)
    nothing = dict.fromkeys(customer_ids, units(0))
    return [ListColumn(label, nothing | balances[program]) for program, label in labels.items()]
