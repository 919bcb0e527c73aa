"""What an order still earns once part of it went back. Pure arithmetic, by the rule that earned."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from customers.models import Order, OrderLine
from rewards.models import EarningRuleVersion
from rewards.rules import units_for


def units_left(
    version: EarningRuleVersion,
    order: Order,
    earned: int,
    *,
    sold: Sequence[OrderLine],
    left: Sequence[OrderLine],
    multiplier: Decimal,
) -> int:
    """Of the `earned` units, those that the lines that are `left` of the `sold` ones still earn.

    In proportion where a cap of the day or the customer gave less than the rule. The version
    carries its rule and program, the order its store.
    """
    left = counted(version, sold, left)
    if not left:
        return 0
    program = version.rule.program
    full = units_for(version, program, order, sold, multiplier=multiplier)
    rest = units_for(version, program, order, left, multiplier=multiplier)
    # Nothing to go by when the program has come to round otherwise: then nothing is taken.
    return min(earned, earned * rest // full) if full else earned


def counted(
    version: EarningRuleVersion, sold: Sequence[OrderLine], left: Sequence[OrderLine]
) -> list[OrderLine]:
    """The lines that are left in the eyes of the rule.

    For one that earns for the order itself, a line is gone with its last item, whatever was
    kept of its price.
    """
    if version.measure != EarningRuleVersion.Measure.ORDER:
        return list(left)
    had_items = {line.pk for line in sold if line.quantity}
    return [line for line in left if line.quantity or line.pk not in had_items]
