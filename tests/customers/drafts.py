"""Orders to be recorded by the action."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from customers.actions.order_checks import DraftLine, OrderDraft

PLACED = datetime(2026, 5, 1, 16, 30, tzinfo=UTC)


def a_line(**fields: Any) -> DraftLine:
    """A line of 12.50."""
    values: dict[str, Any] = {
        "sku": "SKU-1",
        "product": "Coffee beans",
        "category": "GROCERY",
        "quantity": Decimal(1),
        "total": Decimal("12.50"),
        "discount": Decimal("0.00"),
    }
    return DraftLine(**(values | fields))


def a_draft(**fields: Any) -> OrderDraft:
    """An order of one line in store S-1 by C-1, who joins with it."""
    values: dict[str, Any] = {
        "number": "1001",
        "store": "S-1",
        "placed_at": PLACED,
        "currency": "EUR",
        "customer_external_id": "C-1",
        "enrol": True,
        "lines": [a_line()],
    }
    return OrderDraft(**(values | fields))
