"""What an order earns by a rule. Pure arithmetic: the same order and rule, the same units.

`rewards.actions.bulk_earning` says the same in SQL; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal

from customers.models import Order, OrderLine
from rewards.models import EarningRuleVersion, Program

ONE = Decimal(1)
MOST = 10**9
"""So many units at most come of one rule and order: more is a mistake in the rule."""
_ROUNDING = {
    Program.Rounding.DOWN: ROUND_FLOOR,
    Program.Rounding.NEAREST: ROUND_HALF_UP,
    Program.Rounding.UP: ROUND_CEILING,
}


def applies(version: EarningRuleVersion, order: Order) -> bool:
    """Whether the rule looks at the order at all: trigger, currency, store, channel, dates.

    The order carries its store.
    """
    return (
        version.trigger == EarningRuleVersion.Trigger.ORDER
        and version.currency == order.currency
        and (not version.stores or order.store.code in version.stores)
        and (not version.channels or order.store.kind in version.channels)
        and (version.starts_at is None or version.starts_at <= order.placed_at)
        and (version.ends_at is None or order.placed_at < version.ends_at)
    )


def covers(version: EarningRuleVersion, line: OrderLine) -> bool:
    """Whether the rule counts this line: its category and its product."""
    return (not version.categories or line.category in version.categories) and (
        not version.skus or line.sku in version.skus
    )


def measure(version: EarningRuleVersion, line: OrderLine) -> Decimal:
    """What one line adds to the measure of the rule: money after discounts, or items."""
    if not covers(version, line):
        return Decimal(0)
    if version.measure == EarningRuleVersion.Measure.AMOUNT:
        return line.total
    return line.quantity


def units_for(
    version: EarningRuleVersion,
    program: Program,
    order: Order,
    lines: Sequence[OrderLine],
    *,
    multiplier: Decimal = ONE,
) -> int:
    """The units that the order earns by this version of a rule, before the caps per day and
    customer; `multiplier` is the tier's.
    """
    if not applies(version, order):
        return 0
    if version.measure == EarningRuleVersion.Measure.ORDER:
        base = Decimal(any(covers(version, line) for line in lines))
    else:
        base = sum((measure(version, line) for line in lines), Decimal(0))
    return _units_of(version, program, base, multiplier)


def multiplied(program: Program, units: int, multiplier: Decimal) -> int:
    """The units times the multiplier, rounded as the program rounds."""
    rounding = _ROUNDING[Program.Rounding(program.rounding)]
    return int((units * multiplier).to_integral_value(rounding))


def line_shares(
    version: EarningRuleVersion,
    program: Program,
    lines: Sequence[OrderLine],
    total: int,
    *,
    multiplier: Decimal = ONE,
) -> list[int]:
    """What each line brought of the `total` units that the order earned; adds up exactly.

    A line brings what the running total earns with it less what it earned before it. Where
    less came of it, by a cap of the day or because the program rounds otherwise by now, the
    last lines that count bear the difference.
    """
    running = _running_shares(version, program, lines, multiplier)
    shares = [min(share, total) for share in running]
    counting = [index for index, line in enumerate(lines) if covers(version, line)]
    spare = total - sum(shares)
    for index in reversed(counting):
        change = max(spare, -shares[index])
        shares[index] += change
        spare -= change
    return shares


def _running_shares(
    version: EarningRuleVersion,
    program: Program,
    lines: Sequence[OrderLine],
    multiplier: Decimal,
) -> list[int]:
    if version.measure == EarningRuleVersion.Measure.ORDER:
        first = next((line for line in lines if covers(version, line)), None)
        units = _units_of(version, program, ONE, multiplier)
        return [units if line is first else 0 for line in lines]
    shares, base, earned = [], Decimal(0), 0
    for line in lines:
        base += measure(version, line)
        now = _units_of(version, program, base, multiplier)
        shares.append(now - earned)
        earned = now
    return shares


def _units_of(
    version: EarningRuleVersion, program: Program, base: Decimal, multiplier: Decimal
) -> int:
    rounding = _ROUNDING[Program.Rounding(program.rounding)]
    steps = int((base / version.per).to_integral_value(rounding))
    units = min(multiplied(program, steps * version.units, multiplier), MOST)
    return units if version.cap_per_order is None else min(units, version.cap_per_order)
