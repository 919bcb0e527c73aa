"""The generated store is one that the actions could have made."""

from __future__ import annotations

import pytest

from customers.actions.searching import refresh_search
from customers.models import Customer, Order
from loyalty_admin.common.actor import Actor
from rewards.actions.integrity import check_ledgers
from tests.bench.population import COMMON_TERM, OLD_TERM, populate


@pytest.mark.django_db
def test_the_generated_store_adds_up() -> None:
    populate(60)
    populate(60)
    before = dict(Customer.objects.values_list("pk", "search_text"))

    refresh_search(list(before))

    assert dict(Customer.objects.values_list("pk", "search_text")) == before
    assert len(before) == 120
    assert check_ledgers(actor=Actor.system("test")).discrepancies == []
    assert Order.objects.exists()
    assert Customer.objects.filter(name__contains=COMMON_TERM).exists()
    newest = Customer.objects.order_by("-listed_at")[:20]
    assert not any(OLD_TERM in customer.name for customer in newest)
