"""AP-2: orders in."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from django.http import HttpRequest, HttpResponse
from ninja import Field, Header, Router, Schema, Status
from pydantic import StrictBool

from customers.actions.order_checks import MAX_LINES, DraftLine, OrderDraft
from customers.actions.orders import record_order
from loyalty_admin.common.api_types import Instant, Money, Quantity, StrictSchema, Text

router = Router(tags=["Orders"])


class LineIn(StrictSchema):
    """One line of an order."""

    sku: Text = Field(min_length=1, max_length=60)
    product: Text = Field("", max_length=200)
    category: Text = Field("", max_length=80)
    quantity: Quantity
    total: Money = Field(description="What was paid for the line, after discounts.")
    discount: Money = Field(Decimal(0), description="What the discounts took off.")


class OrderIn(StrictSchema):
    """An order, as the till or web shop knows it. Amounts are strings or numbers."""

    number: Text = Field(min_length=1, max_length=60)
    store: Text = Field(min_length=1, max_length=40, description="The store's code.")
    placed_at: Instant
    currency: Text = Field(min_length=3, max_length=3, examples=["EUR"])
    customer_external_id: Text | None = Field(
        None, min_length=1, max_length=80, description="Absent or null: a guest checkout."
    )
    enrol: StrictBool = Field(
        False, description="Make a customer who is not a member yet one, as of this order."
    )
    lines: list[LineIn] = Field(min_length=1, max_length=MAX_LINES)


class CustomerOut(Schema):
    """Whose order it is."""

    external_id: str
    status: str


class EarningOut(Schema):
    """What the order earned in one program."""

    program: str
    units: int
    unit_name: str
    pending_until: str | None


class OrderOut(Schema):
    """A recorded order."""

    id: int
    number: str
    store: str
    placed_at: str
    currency: str
    total: str
    customer: CustomerOut | None
    earned: list[EarningOut]


IdempotencyKey = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        description="A fresh UUID for each act; the same one for each retry.",
    ),
]


@router.post("/orders", response={200: OrderOut, 201: OrderOut}, summary="Record an order")
def post_order(
    request: HttpRequest, response: HttpResponse, body: OrderIn, idempotency_key: IdempotencyKey
) -> Status[dict[str, object]]:
    """Record an order and what it earns.

    201 for a new order; 200 when the store has sent this order before. The same
    Idempotency-Key with the same body gets the first answer again, marked by the header
    `Idempotent-Replay: true`; with another body it gets 409.
    """
    recorded = record_order(
        actor=request.actor,  # type: ignore[attr-defined]
        draft=_draft(body),
        idempotency_key=idempotency_key,
    )
    if recorded.replayed:
        response["Idempotent-Replay"] = "true"
    return Status(201 if recorded.created else 200, recorded.answer)


def _draft(body: OrderIn) -> OrderDraft:
    return OrderDraft(
        number=body.number,
        store=body.store,
        placed_at=body.placed_at,
        currency=body.currency,
        customer_external_id=body.customer_external_id,
        enrol=body.enrol,
        lines=[DraftLine(**line.dict()) for line in body.lines],
    )
