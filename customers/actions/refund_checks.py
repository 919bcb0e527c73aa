"""What a refund has to be before it is written: lines of the order, no more than was paid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from customers.actions.order_checks import check_amount, check_quantity
from customers.lines_left import LineLeft
from customers.models import Order, OrderLine
from loyalty_admin.common.errors import Conflict, InvalidInput


class RefundExceedsLine(Conflict):
    """More goes back than is left of a line."""

    code = "refund-exceeds-line"


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundedLine:
    """A line that goes back, named by its position (from 1) or its SKU.

    Items and money, or neither for all that is left of the line.
    """

    position: int | None = None
    sku: str = ""
    quantity: Decimal | None = None
    total: Decimal | None = None


@dataclass(frozen=True, slots=True)
class GoingBack:
    """What a refund takes off a line of the order."""

    line: OrderLine
    quantity: Decimal
    total: Decimal


def going_back(
    order: Order, lines: Sequence[LineLeft], asked: Sequence[RefundedLine] | None
) -> list[GoingBack]:
    """What goes back of each line; all that is left of the order when None is asked for.

    Raises InvalidInput naming the field, and Conflict when nothing, or less, is left.
    """
    if asked is None:
        return [
            GoingBack(left.line, left.quantity, left.total) for left in lines if not left.is_gone
        ]
    if not asked:
        raise InvalidInput("Name the lines that go back, or leave them out for all.", field="lines")
    found: dict[int, GoingBack] = {}
    for index, line in enumerate(asked):
        path = f"lines[{index}]"
        left = _line_of(lines, line, path)
        if left.line.pk in found:
            raise InvalidInput("This line of the order stands here twice.", field=path)
        found[left.line.pk] = _going_back(order, left, line, path)
    return list(found.values())


def _line_of(lines: Sequence[LineLeft], asked: RefundedLine, path: str) -> LineLeft:
    if (asked.position is None) == (not asked.sku):
        raise InvalidInput("Name the line by its position or by its SKU.", field=f"{path}.position")
    if asked.position is not None:
        found = [left for left in lines if left.line.position == asked.position]
        field, name = f"{path}.position", f"number {asked.position}"
    else:
        found = [left for left in lines if left.line.sku == asked.sku]
        field, name = f"{path}.sku", f"with the SKU “{asked.sku}”"
    if not found:
        raise InvalidInput(f"The order has no line {name}.", field=field)
    if len(found) > 1:
        positions = ", ".join(str(left.line.position) for left in found)
        raise InvalidInput(
            f"Several lines have the SKU “{asked.sku}”; name one by its position: {positions}.",
            field=field,
        )
    return found[0]


def _going_back(order: Order, left: LineLeft, asked: RefundedLine, path: str) -> GoingBack:
    if asked.quantity is None and asked.total is None:
        if left.is_gone:
            raise RefundExceedsLine("All of this line was refunded before.", field=path)
        return GoingBack(left.line, left.quantity, left.total)
    if asked.quantity is None or asked.total is None:
        missing = "quantity" if asked.quantity is None else "total"
        raise InvalidInput(
            "Give both quantity and total, or neither for all that is left of the line.",
            field=f"{path}.{missing}",
        )
    check_quantity(asked.quantity, f"{path}.quantity")
    check_amount(asked.total, order.currency, f"{path}.total")
    if not asked.quantity and not asked.total:
        raise InvalidInput("Neither items nor money go back here.", field=f"{path}.total")
    for name in ("quantity", "total"):
        if getattr(asked, name) > getattr(left, name):
            raise RefundExceedsLine(
                f"Only {getattr(left, name):f} is left of this line; "
                f"{getattr(asked, name):f} can't go back.",
                field=f"{path}.{name}",
            )
    return GoingBack(left.line, asked.quantity, asked.total)
