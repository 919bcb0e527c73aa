"""The customer's tiers, beside the name on their page."""

from __future__ import annotations

from customers.hooks import CustomerChip
from customers.models import Customer
from rewards.selectors.tiers import open_tiers_of


def chips_for(customer: Customer) -> list[CustomerChip]:
    """A chip for each step on which the customer stands. One query."""
    return [CustomerChip(tier.name, "warn") for tier in open_tiers_of(customer.pk)]
