"""AP-2: orders that come back: refunded, cancelled, completed again."""

from __future__ import annotations

from typing import Annotated

from django.http import HttpRequest, HttpResponse
from ninja import Field, Path, Router, Schema, Status

from customers.actions.order_checks import MAX_LINES
from customers.actions.refund_checks import RefundedLine
from customers.actions.refunds import cancel_order, complete_order_again, record_refund
from customers.api import EarningOut, IdempotencyKey
from loyalty_admin.common.api_types import Instant, Money, Quantity, StrictSchema, Text

router = Router(tags=["Orders"])

StoreCode = Annotated[Text, Path(max_length=40, description="The store's code.")]
OrderNumber = Annotated[Text, Path(max_length=60, description="The order's number.")]


class RefundLineIn(StrictSchema):
    """A line that goes back, named by its position or its SKU.

    `quantity` and `total` together, or neither for all that is left of the line.
    """

    position: Annotated[int, Field(strict=True, ge=1, le=MAX_LINES)] | None = Field(
        None, description="From 1, as the lines were sent."
    )
    sku: Text = Field("", max_length=60)
    quantity: Quantity | None = None
    total: Money | None = Field(None, description="What was paid back for the line.")


class RefundIn(StrictSchema):
    """What went back of an order."""

    number: Text = Field(
        min_length=1,
        max_length=60,
        description="Names the refund within its order: it happens once.",
    )
    refunded_at: Instant
    lines: Annotated[list[RefundLineIn], Field(min_length=1, max_length=MAX_LINES)] | None = Field(
        None, description="Absent or null: all that is left of the order."
    )


class CancellationIn(StrictSchema):
    """A cancellation; an empty object is enough."""

    cancelled_at: Instant | None = Field(None, description="Absent or null: now.")
    reason: Text = Field("", max_length=200)


class CompletionIn(StrictSchema):
    """A completion; an empty object is enough."""

    completed_at: Instant | None = Field(None, description="Absent or null: now.")


class TakenBackOut(Schema):
    """What was taken back in one program; `missing` had been spent and could not be."""

    program: str
    units: int
    unit_name: str
    missing: int


class RefundOut(Schema):
    """A recorded refund, and what it left of the order: `partly` or `refunded`."""

    id: int
    number: str
    order: str
    store: str
    status: str
    refunded_at: str
    total: str
    taken_back: list[TakenBackOut]


class ChangedOrderOut(Schema):
    """An order as it is now, with what the change took back or earned."""

    id: int
    number: str
    store: str
    status: str
    taken_back: list[TakenBackOut]
    earned: list[EarningOut]


@router.post(
    "/orders/{store}/{path:number}/refunds",
    response={200: RefundOut, 201: RefundOut},
    summary="Refund an order, or some of its lines",
)
def post_refund(
    request: HttpRequest,
    response: HttpResponse,
    store: StoreCode,
    number: OrderNumber,
    body: RefundIn,
    idempotency_key: IdempotencyKey,
) -> Status[dict[str, object]]:
    """Record a refund and take back what its part of the order earned.

    201 for a new refund; 200 when the store has sent this refund before. Takes back by the
    rules that earned, whatever they say by now.
    """
    lines = None
    if body.lines is not None:
        lines = [RefundedLine(**line.dict()) for line in body.lines]
    recorded = record_refund(
        actor=request.actor,  # type: ignore[attr-defined]
        store=store,
        order_number=number,
        number=body.number,
        refunded_at=body.refunded_at,
        lines=lines,
        idempotency_key=idempotency_key,
    )
    if recorded.replayed:
        response["Idempotent-Replay"] = "true"
    return Status(201 if recorded.created else 200, recorded.answer)


@router.post(
    "/orders/{store}/{path:number}/cancel", response=ChangedOrderOut, summary="Cancel an order"
)
def post_cancellation(
    request: HttpRequest,
    response: HttpResponse,
    store: StoreCode,
    number: OrderNumber,
    body: CancellationIn,
    idempotency_key: IdempotencyKey,
) -> dict[str, object]:
    """Cancel an order and take back all that it earned. One that is cancelled stays so."""
    recorded = cancel_order(
        actor=request.actor,  # type: ignore[attr-defined]
        store=store,
        order_number=number,
        idempotency_key=idempotency_key,
        **body.dict(),
    )
    if recorded.replayed:
        response["Idempotent-Replay"] = "true"
    return recorded.answer


@router.post(
    "/orders/{store}/{path:number}/complete",
    response=ChangedOrderOut,
    summary="Complete a cancelled order again",
)
def post_completion(
    request: HttpRequest,
    response: HttpResponse,
    store: StoreCode,
    number: OrderNumber,
    body: CompletionIn,
    idempotency_key: IdempotencyKey,
) -> dict[str, object]:
    """Complete a cancelled order again: it earns again, as of its date. Others stay as they are."""
    recorded = complete_order_again(
        actor=request.actor,  # type: ignore[attr-defined]
        store=store,
        order_number=number,
        idempotency_key=idempotency_key,
        **body.dict(),
    )
    if recorded.replayed:
        response["Idempotent-Replay"] = "true"
    return recorded.answer
