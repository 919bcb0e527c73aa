"""What an order would earn if it were a customer's, before they claim it (CU-6)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.utils import timezone

from customers.hooks import LineEarning, OrderEarning
from customers.models import Customer, Order, OrderLine
from rewards.actions.earning import earnings_for, versions_in_force, within_caps
from rewards.models import Account
from rewards.order_earnings import Totals, line_earning, shares_of, why


def prospects_of(order: Order, customer: Customer, lines: Sequence[OrderLine]) -> OrderEarning:
    """What the order would earn this member on its date, line by line, or why nothing."""
    accounts = dict(Account.objects.filter(customer=customer).values_list("program_id", "pk"))
    by_line: dict[int, list[LineEarning]] = {line.pk: [] for line in lines}
    totals, pending, now = Totals(), [], timezone.now()
    for one in earnings_for(customer.pk, order, lines):
        version, program = one.version, one.version.rule.program
        units = within_caps(accounts.get(program.pk, 0), one, order.placed_at)
        totals.add(program, units)
        shares = shares_of(version, lines, units, one.multiplier)
        for line in lines:
            by_line[line.pk].append(line_earning(line, version, shares[line.pk]))
        available_at = order.placed_at + timedelta(days=program.pending_days)
        if units and available_at > now:
            pending.append(available_at)
    total = totals.in_words()
    reason = "" if total else why(order, versions_in_force(order.placed_at))
    return OrderEarning(total, reason, max(pending, default=None), lines=by_line)
