"""Orders that come back: refunded by line, cancelled, and completed again.

What they earned is taken back, or earned again, by the apps above, in the same transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from activity.actions.recording import authored
from activity.models import Event
from customers import hooks
from customers.actions.order_checks import CLOCK_DRIFT, check_text, check_time, store_of
from customers.actions.orders import as_text, earning_told
from customers.actions.refund_checks import RefundedLine, going_back
from customers.actions.refund_telling import (
    answer_of_order,
    answer_of_refund,
    line_told,
    named,
    tell,
)
from customers.lines_left import LineLeft, lines_of, remaining
from customers.models import Order, OrderLine, Refund, RefundLine
from loyalty_admin.common.actor import Actor
from loyalty_admin.common.errors import Conflict, InvalidInput, NotFound
from loyalty_admin.common.idempotency import check_key, fingerprint
from loyalty_admin.staff.actions.requests import answer_before, remember_answer
from loyalty_admin.staff.permissions import Perm, authorise

REFUNDED = "order.refunded"
CANCELLED = "order.cancelled"
COMPLETED_AGAIN = "order.completed_again"


class RefundExists(Conflict):
    """The order has another refund with this number."""

    code = "refund-exists"


@dataclass(frozen=True, slots=True)
class Recorded:
    """The answer for whoever told us. `created` is false when we knew, `replayed` is true when
    this very request was answered before.
    """

    answer: dict[str, object]
    created: bool
    replayed: bool = False


def record_refund(
    *,
    actor: Actor,
    store: str,
    order_number: str,
    number: str,
    refunded_at: datetime,
    idempotency_key: str,
    lines: Sequence[RefundedLine] | None = None,
) -> Recorded:
    """Write what went back of an order (`lines`; all that is left when None), and take back
    what that part of it earned.

    The refund's number in its order makes it happen once, however often it is told. Raises
    InvalidInput naming the field, NotFound, NotAllowed, IdempotencyConflict, and Conflict:
    RefundExists for other content, RefundExceedsLine, or a cancelled order.
    """
    authorise(actor, Perm.ORDERS_RECORD)
    check_key(idempotency_key)
    content = _content(refunded_at, lines)
    asked = {"act": REFUNDED, "store": store, "order": order_number, "number": number, **content}
    with transaction.atomic(durable=True):
        if before := answer_before(actor, idempotency_key, fingerprint(asked)):
            return Recorded(before.answer, created=before.status == 201, replayed=True)
        order = lock_order(actor, store, order_number)
        check_text(number, "number", 60)
        _check_when(order, refunded_at, "refunded_at")
        recorded = _refunded_before(order, number, fingerprint(content))
        if recorded is None:
            refund = _refund(actor, order, number, refunded_at, fingerprint(content), lines)
            recorded = Recorded(refund, created=True)
        _remember(actor, idempotency_key, fingerprint(asked), recorded)
        return recorded


def cancel_order(
    *,
    actor: Actor,
    store: str,
    order_number: str,
    idempotency_key: str,
    cancelled_at: datetime | None = None,
    reason: str = "",
) -> Recorded:
    """Cancel an order: all that it earned and that was not taken back yet is taken back.

    One that is cancelled already stays so. Raises InvalidInput, NotFound, NotAllowed,
    IdempotencyConflict.
    """
    authorise(actor, Perm.ORDERS_RECORD)
    check_key(idempotency_key)
    asked = {"act": CANCELLED, "store": store, "order": order_number, "at": cancelled_at}
    signed = fingerprint(asked | {"reason": reason})
    with transaction.atomic(durable=True):
        if before := answer_before(actor, idempotency_key, signed):
            return Recorded(before.answer, created=False, replayed=True)
        order = lock_order(actor, store, order_number)
        check_text(reason, "reason", 200, may_be_empty=True)
        at = cancelled_at or timezone.now()
        _check_when(order, at, "cancelled_at")
        recorded = Recorded(_cancel(actor, order, at, reason), created=False)
        _remember(actor, idempotency_key, signed, recorded)
        return recorded


def complete_order_again(
    *,
    actor: Actor,
    store: str,
    order_number: str,
    idempotency_key: str,
    completed_at: datetime | None = None,
) -> Recorded:
    """Complete a cancelled order again: what was not refunded of it earns, as of its date.

    One that is not cancelled stays as it is. Raises what `cancel_order` raises.
    """
    authorise(actor, Perm.ORDERS_RECORD)
    check_key(idempotency_key)
    asked = {"act": COMPLETED_AGAIN, "store": store, "order": order_number, "at": completed_at}
    with transaction.atomic(durable=True):
        if before := answer_before(actor, idempotency_key, fingerprint(asked)):
            return Recorded(before.answer, created=False, replayed=True)
        order = lock_order(actor, store, order_number)
        at = completed_at or timezone.now()
        _check_when(order, at, "completed_at")
        recorded = Recorded(_complete(actor, order, at), created=False)
        _remember(actor, idempotency_key, fingerprint(asked), recorded)
        return recorded


def lock_order(actor: Actor, store: str, number: str) -> Order:
    """The order with this number of the store with this code, locked, with both and its
    customer. Raises NotFound, and NotAllowed for a store that is not the actor's.
    """
    orders = Order.objects.select_for_update(of=("self",), no_key=True)
    found = orders.select_related("store", "customer").filter(
        store=store_of(actor, store), number=number
    )
    order = found.first()
    if order is None:
        raise NotFound(f"The store “{store}” has no order with the number “{number}”.")
    return order


def _content(at: datetime, lines: Sequence[RefundedLine] | None) -> dict[str, object]:
    """What a refund says, however its numbers and its time were written."""
    return {
        "refunded_at": at.astimezone(UTC),
        "lines": lines
        and [
            (line.position, line.sku, *(n and n.normalize() for n in (line.quantity, line.total)))
            for line in lines
        ],
    }


def _check_when(order: Order, at: datetime, field: str) -> None:
    check_time(at, field)
    if at < order.placed_at - CLOCK_DRIFT:
        raise InvalidInput(
            f"This is before the order was placed, {as_text(order.placed_at)}.", field=field
        )


def _remember(actor: Actor, key: str, signed: str, recorded: Recorded) -> None:
    status = 201 if recorded.created else 200
    remember_answer(actor, key, signed, status=status, answer=recorded.answer)


def _refunded_before(order: Order, number: str, signed: str) -> Recorded | None:
    refund = Refund.objects.filter(order=order, number=number).first()
    if refund is None:
        return None
    if refund.fingerprint != signed:
        raise RefundExists(
            f"Refund {number} of order {order.number} was recorded before with other content. "
            "A refund is never rewritten.",
            field="number",
        )
    told = Event.objects.filter(
        customer=refund.customer_id,
        occurred_at=refund.refunded_at,
        kind=REFUNDED,
        object_id=order.pk,
        data__refund=number,
    ).first()
    data = told.data if told else {"status": order.status, "taken_back": []}
    return Recorded(answer_of_refund(refund, order, data), created=False)


def _refund(
    actor: Actor,
    order: Order,
    number: str,
    at: datetime,
    signed: str,
    asked: Sequence[RefundedLine] | None,
) -> dict[str, object]:
    if order.status == Order.Status.CANCELLED:
        raise Conflict(f"Order {order.number} is cancelled: nothing of it is left to refund.")
    at, before = at.astimezone(UTC), order.status
    back = going_back(order, lines_of(order.pk), asked)
    paid_back = _paid_back(order)
    # An order that came without lines goes back as a whole.
    total = sum((one.total for one in back), Decimal(0)) if back else order.total - paid_back
    if not back and not total:
        raise Conflict(f"All of order {order.number} was refunded before.")
    refund = Refund.objects.create(
        order=order, customer=order.customer, number=number, refunded_at=at, total=total,
        fingerprint=signed, **authored(actor),
    )  # fmt: skip
    RefundLine.objects.bulk_create(
        RefundLine(
            refund=refund,
            line=one.line,
            customer=order.customer,
            quantity=one.quantity,
            total=one.total,
        )
        for one in back
    )
    lines = lines_of(order.pk)
    order.status = _status_of(order, lines, paid_back + total)
    order.save(update_fields=["status"])
    taken = _take_back(actor, order, remaining(lines), f"refund:{refund.pk}", at)
    data = {
        **named(order),
        "refund": number,
        "total": total,
        "lines": [line_told(one) for one in back],
        "status": order.status,
        "taken_back": taken,
    }
    tell(actor, REFUNDED, order, at, data, before={"status": before})
    return answer_of_refund(refund, order, data)


def _paid_back(order: Order) -> Decimal:
    return Refund.objects.filter(order=order).aggregate(sum=Sum("total"))["sum"] or Decimal(0)


def _status_of(order: Order, lines: Sequence[LineLeft], paid_back: Decimal) -> Order.Status:
    """Refunded is an order when all its money went back, or all its items where it was free."""
    if not paid_back and not any(left.back_quantity for left in lines):
        return Order.Status.COMPLETED
    is_over = paid_back >= order.total if order.total else all(left.is_gone for left in lines)
    return Order.Status.REFUNDED if is_over else Order.Status.PARTLY_REFUNDED


def _cancel(actor: Actor, order: Order, at: datetime, reason: str) -> dict[str, object]:
    if order.status == Order.Status.CANCELLED:
        told = Event.objects.filter(
            customer=order.customer_id, kind=CANCELLED, object_id=order.pk
        ).last()
        return answer_of_order(order, taken_back=told.data["taken_back"] if told else [])
    before = order.status
    order.status = Order.Status.CANCELLED
    order.save(update_fields=["status"])
    taken = _take_back(actor, order, [], f"cancel:order:{order.pk}:{order.completions}", at)
    data = {**named(order), "total": order.total, "reason": reason, "taken_back": taken}
    tell(actor, CANCELLED, order, at, data, before={"status": before})
    return answer_of_order(order, taken_back=taken)


def _complete(actor: Actor, order: Order, at: datetime) -> dict[str, object]:
    if order.status != Order.Status.CANCELLED:
        return answer_of_order(order)
    lines = lines_of(order.pk)
    paid_back = _paid_back(order)
    order.status = _status_of(order, lines, paid_back)
    order.completions += 1
    order.earned_after = Refund.objects.filter(order=order).last()
    order.save(update_fields=["status", "completions", "earned_after"])
    some = hooks.order_completed_again(actor, order, remaining(lines))
    earned = [earning_told(one) for earnings in some for one in earnings]
    data = {**named(order), "total": order.total, "earned": earned}
    tell(actor, COMPLETED_AGAIN, order, at, data, before={"status": Order.Status.CANCELLED})
    return answer_of_order(order, earned=earned)


def _take_back(
    actor: Actor, order: Order, left: Sequence[OrderLine], key: str, at: datetime
) -> list[dict[str, object]]:
    if order.customer is None:
        return []
    withdrawal = hooks.Withdrawal(order, left, key, at)
    some = hooks.order_taken_back(actor, withdrawal)
    return [asdict(one) for taken in some for one in taken]
