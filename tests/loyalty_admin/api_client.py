"""A till that calls the API."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

from django.test import Client

from tests.factories import new_api_key

ORDERS = "/api/v1/orders"


class Till:
    """An API client with a key of its own."""

    def __init__(self, **key_fields: Any) -> None:
        self.key, self.token = new_api_key(**key_fields)
        self.client = Client(raise_request_exception=False)

    def post(
        self, body: object, key: str | None = None, *, url: str = ORDERS, **headers: str
    ) -> Any:
        """Send an order, or something else to `url`; `body` is made JSON unless it is bytes."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {
            "Authorization": f"Bearer {self.token}",
            "Idempotency-Key": str(uuid4()) if key is None else key,
        } | headers
        return self.client.post(url, data, content_type="application/json", headers=sent)


def an_order(**fields: Any) -> dict[str, Any]:
    """A body that is right: two lines, 12.50 and 3.20, in store S-1."""
    return {
        "number": "1001",
        "store": "S-1",
        "placed_at": "2026-05-01T18:30:00+02:00",
        "currency": "EUR",
        "customer_external_id": "C-1",
        "enrol": True,
        "lines": [a_line(total="12.50"), a_line(sku="SKU-2", total="3.20")],
    } | fields


def a_line(**fields: Any) -> dict[str, Any]:
    """A line that is right."""
    return {
        "sku": "SKU-1",
        "product": "Coffee beans",
        "category": "GROCERY",
        "quantity": 1,
        "total": "12.50",
        "discount": "0.00",
    } | fields
