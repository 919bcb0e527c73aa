"""Short words for tests of orders that are refunded, cancelled and completed again."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

from customers.actions.order_checks import DraftLine
from customers.actions.orders import record_order
from customers.actions.refund_checks import RefundedLine
from customers.actions.refunds import Recorded, cancel_order, complete_order_again, record_refund
from customers.models import Order
from loyalty_admin.common.actor import Actor
from tests.customers.drafts import PLACED, a_draft, a_line
from tests.factories import StoreFactory

SYSTEM = Actor.system("test")


def sell(*totals: str, **fields: Any) -> Order:
    """An order with lines that cost so much, of C-1, who joins with it, in store S-1."""
    lines = [
        a_line(sku=f"SKU-{number}", total=Decimal(total)) for number, total in enumerate(totals, 1)
    ]
    return sell_lines(*lines, **fields)


def sell_lines(*lines: DraftLine, **fields: Any) -> Order:
    """An order with these lines, recorded as a till does it."""
    StoreFactory(code="S-1")
    draft = a_draft(lines=lines, **fields)
    recorded = record_order(actor=SYSTEM, draft=draft, idempotency_key=str(uuid4()))
    return Order.objects.get(pk=recorded.order_id)


def refund(
    order: Order, *positions: int, number: str = "R-1", at: datetime = PLACED, **fields: Any
) -> Recorded:
    """A refund of the lines at these positions, or of all that is left."""
    if positions:
        fields["lines"] = [RefundedLine(position=position) for position in positions]
    return record_refund(number=number, refunded_at=at, **_common(order, fields))


def cancel(order: Order, **fields: Any) -> Recorded:
    """The order cancelled."""
    return cancel_order(**_common(order, fields))


def complete(order: Order, **fields: Any) -> Recorded:
    """The order completed again."""
    return complete_order_again(**_common(order, fields))


def _common(order: Order, fields: dict[str, Any]) -> dict[str, Any]:
    common: dict[str, Any] = {
        "actor": SYSTEM,
        "idempotency_key": str(uuid4()),
        "store": order.store.code,
        "order_number": order.number,
    }
    return common | fields
