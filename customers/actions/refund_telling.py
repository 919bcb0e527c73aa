"""What is told of orders that come back: on the timeline, to the auditor, and to the till."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from activity.actions.recording import Act, Data, record_act, record_audit
from customers.actions.orders import as_text
from customers.actions.refund_checks import GoingBack
from customers.models import Order, Refund
from loyalty_admin.common.actor import Actor


def named(order: Order) -> dict[str, object]:
    """How an event names an order, so that it reads the same for ever."""
    return {
        "number": order.number,
        "store": order.store.code,
        "store_name": order.store.name,
        "currency": order.currency,
    }


def tell(actor: Actor, kind: str, order: Order, at: datetime, data: Data, *, before: Data) -> None:
    """Put it on the customer's timeline and before the auditor; a guest's for the latter alone."""
    act = Act(
        verb=kind,
        object_type="order",
        object_id=order.pk,
        customer_id=order.customer_id,
        before=before,
        after={"status": order.status} | dict(data),
    )
    if order.customer_id:
        record_act(actor, act, kind=kind, occurred_at=at, data=data)
    else:
        record_audit(actor, act)


def answer_of_refund(refund: Refund, order: Order, data: Mapping[str, Any]) -> dict[str, object]:
    """The answer to a refund, from the refund and what its event says."""
    return {
        "id": refund.pk,
        "number": refund.number,
        "order": order.number,
        "store": order.store.code,
        "status": data["status"],
        "refunded_at": as_text(refund.refunded_at),
        "total": f"{refund.total:.2f}",
        "taken_back": [_taken_told(taken) for taken in data["taken_back"]],
    }


def answer_of_order(
    order: Order,
    *,
    taken_back: Sequence[Mapping[str, Any]] = (),
    earned: Sequence[Mapping[str, Any]] = (),
) -> dict[str, object]:
    """The answer to a cancellation or a new completion."""
    return {
        "id": order.pk,
        "number": order.number,
        "store": order.store.code,
        "status": order.status,
        "taken_back": [_taken_told(taken) for taken in taken_back],
        "earned": list(earned),
    }


def _taken_told(taken: Mapping[str, Any]) -> dict[str, object]:
    is_one = taken["units"] == 1
    return {
        "program": taken["program"],
        "units": taken["units"],
        "unit_name": taken["unit_singular" if is_one else "unit_plural"],
        "missing": taken["missing"],
    }


def line_told(one: GoingBack) -> dict[str, object]:
    """What went back of a line, as events carry it."""
    line = one.line
    return {
        "position": line.position,
        "sku": line.sku,
        "product": line.product,
        "quantity": one.quantity,
        "total": one.total,
    }
