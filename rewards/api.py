"""AP-4: events in."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from ninja import Field, Router, Schema

from customers.api import CustomerOut, EarningOut, IdempotencyKey
from loyalty_admin.common.api_types import Instant, StrictSchema, Text
from rewards.actions.event_reports import Report, record_event

router = Router(tags=["Events"])


class EventIn(StrictSchema):
    """Something that a customer did and that may earn."""

    customer_external_id: Text = Field(min_length=1, max_length=80)
    kind: Text = Field(description="newsletter, review or referral.", examples=["review"])
    occurred_at: Instant
    reference: Text = Field(
        "", max_length=80, description="Names the review, or the friend: each earns once."
    )
    store: Text = Field("", max_length=40, description="The code of the store, if in one.")


class EventOut(Schema):
    """What the event earned; nothing when it had been reported before, or no rule counts it."""

    kind: str
    customer: CustomerOut
    earned: list[EarningOut]


@router.post("/events", response=EventOut, summary="Report an event")
def post_event(
    request: HttpRequest, response: HttpResponse, body: EventIn, idempotency_key: IdempotencyKey
) -> dict[str, object]:
    """Report that a customer subscribed to the newsletter, wrote a review or brought a friend.

    A newsletter earns once in a lifetime; a review and a friend once each, told apart by
    `reference`.
    """
    answer, replayed = record_event(
        actor=request.actor,  # type: ignore[attr-defined]
        report=Report(**body.dict()),
        idempotency_key=idempotency_key,
    )
    if replayed:
        response["Idempotent-Replay"] = "true"
    return answer
