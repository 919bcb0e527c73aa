"""What refunds have left of an order's lines."""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, QuerySet, TextField
from django.db.models.functions import Cast, JSONObject

from customers.models import Order, OrderLine, RefundLine


@dataclass(frozen=True, slots=True)
class LineLeft:
    """A line with what went back of it: items, and money in the order's currency."""

    line: OrderLine
    back_quantity: Decimal
    back_total: Decimal

    @property
    def quantity(self) -> Decimal:
        """How many items are left."""
        return self.line.quantity - self.back_quantity

    @property
    def total(self) -> Decimal:
        """How much of what was paid is left."""
        return self.line.total - self.back_total

    @property
    def is_gone(self) -> bool:
        """Whether all of it went back."""
        return not self.quantity and not self.total


def with_refunds(lines: QuerySet[OrderLine]) -> QuerySet[OrderLine]:
    """The lines with every time that something of them went back, for `left_of`.

    No query of its own, and decimals as text: JSON has only floats.
    """
    told = JSONObject(
        refund="refund",
        quantity=Cast("quantity", TextField()),
        total=Cast("total", TextField()),
    )
    refunds = RefundLine.objects.filter(line=OuterRef("pk")).order_by()
    return lines.annotate(went_back=ArraySubquery(refunds.values(told=told)))


def left_of(line: OrderLine) -> LineLeft:
    """What is left of a line that was read `with_refunds`."""
    return _left_of(line, getattr(line, "went_back", ()))


def lines_of(order_id: int) -> list[LineLeft]:
    """What is left of each line of the order, in their order."""
    return [left_of(line) for line in _lines(order_id)]


def lines_sold(order: Order, lines: Iterable[OrderLine] | None = None) -> list[OrderLine]:
    """The lines as they were when the order last began to earn; not to be saved.

    That is without what had gone back before it was claimed, or completed again. `lines` are
    the order's, read `with_refunds`; they are read when not given.
    """
    lines = _lines(order.pk) if lines is None else lines
    last = order.earned_after_id or 0
    return remaining(
        _left_of(line, [time for time in getattr(line, "went_back", ()) if time["refund"] <= last])
        for line in lines
    )


def _lines(order_id: int) -> QuerySet[OrderLine]:
    return with_refunds(OrderLine.objects.filter(order=order_id).order_by("position"))


def _left_of(line: OrderLine, times: Iterable[dict[str, Any]]) -> LineLeft:
    times = list(times)
    quantity = sum((Decimal(time["quantity"]) for time in times), Decimal(0))
    total = sum((Decimal(time["total"]) for time in times), Decimal(0))
    return LineLeft(line, quantity, total)


def remaining(lines: Iterable[LineLeft]) -> list[OrderLine]:
    """The lines as they would be had what went back never been sold; not to be saved."""
    return [_reduced(left) for left in lines if not left.is_gone]


def _reduced(left: LineLeft) -> OrderLine:
    line = copy(left.line)
    line.quantity, line.total = left.quantity, left.total
    return line
