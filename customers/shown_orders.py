"""Orders as templates take them: with what each line earned, told by the apps above."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from customers import hooks
from customers.lines_left import LineLeft, left_of
from customers.models import Order, OrderLine

STATUS_TONES = {
    Order.Status.CANCELLED: "bad",
    Order.Status.REFUNDED: "bad",
    Order.Status.PARTLY_REFUNDED: "warn",
}


@dataclass(frozen=True, slots=True)
class ShownLine:
    """A line with what went back of it, and what it earned in each program or why nothing."""

    line: OrderLine
    left: LineLeft
    earnings: Sequence[hooks.LineEarning]


@dataclass(frozen=True, slots=True)
class ShownOrder:
    """An order with its lines; `earning` is None where nobody can tell."""

    order: Order
    lines: Sequence[ShownLine]
    earning: hooks.OrderEarning | None
    open: bool

    @property
    def status_tone(self) -> str:
        """The tone of the order's status; "" for one that is as it should be."""
        return STATUS_TONES.get(Order.Status(self.order.status), "")


def shown_orders(orders: Sequence[Order], opened: int | None = None) -> list[ShownOrder]:
    """These orders with what they earned; the one with the id `opened` shows its lines."""
    earnings: Mapping[int, hooks.OrderEarning] = {}
    for told in hooks.order_earnings(orders) if orders else ():
        earnings = {**earnings, **told}
    return [_shown(order, earnings.get(order.pk), order.pk == opened) for order in orders]


def _shown(order: Order, earning: hooks.OrderEarning | None, opened: bool) -> ShownOrder:
    by_line = earning.lines if earning else {}
    lines = [ShownLine(line, left_of(line), by_line.get(line.pk, ())) for line in order.lines.all()]
    return ShownOrder(order, lines, earning, opened)
