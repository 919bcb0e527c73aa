"""An order finds its customer (CU-6), and loses them again when that was a mistake."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from activity.models import Event
from customers import hooks
from customers.actions.orders import as_text, earning_told
from customers.actions.refund_telling import named, tell
from customers.lines_left import lines_of, remaining
from customers.models import Customer, Order, OrderLine, Refund
from loyalty_admin.common.actor import Actor
from loyalty_admin.common.errors import Conflict, DomainError, NotEnrolled, NotFound
from loyalty_admin.common.idempotency import check_key, check_same_input
from loyalty_admin.staff.permissions import Perm, authorise

CLAIMED = "order.claimed"
UNCLAIMED = "order.unclaimed"


class OrderTaken(Conflict):
    """The order belongs to another customer, whose id is `customer_id`."""

    code = "order-taken"

    def __init__(self, message: str, customer_id: int) -> None:
        super().__init__(message, field="number")
        self.customer_id = customer_id


@dataclass(frozen=True, slots=True)
class Claim:
    """A claimed order with what it earned, as events carry it. Undone by its `event_id`."""

    order: Order
    earned: Sequence[dict[str, object]]
    event_id: int


def claim_order(*, actor: Actor, order_id: int, customer_id: int, idempotency_key: str) -> Claim:
    """Attach an order to a member: it earns what it would have on its date, once.

    The order is nobody's, or the customer's own from before they were a member. Raises
    NotFound, NotEnrolled, OrderTaken, Conflict when it has earned, was cancelled or refunded,
    IdempotencyConflict.
    """
    authorise(actor, Perm.ORDERS_CLAIM)
    check_key(idempotency_key)
    with transaction.atomic(durable=True):
        customer, order = _locked(customer_id, order_id)
        told = Event.objects.filter(
            customer=customer, kind=CLAIMED, data__key=idempotency_key
        ).first()
        if told:
            check_same_input(str(told.object_id), str(order.pk))
            return Claim(order, told.data["earned"], told.pk)
        if refusal := why_not_claimed(order, customer):
            raise refusal
        before = order.customer_id
        _attach(order, customer)
        some = hooks.order_claimed(actor, order, remaining(lines_of(order.pk)))
        earned = [earning_told(one) for earnings in some for one in earnings]
        data = {
            **_told(order),
            "earned": earned,
            "was_theirs": before is not None,
            "completions": order.completions,
            "key": idempotency_key,
        }
        tell(actor, CLAIMED, order, timezone.now(), data, before={"customer": before})
        event = Event.objects.filter(customer=customer, kind=CLAIMED, object_id=order.pk).latest(
            "pk"
        )
        return Claim(order, earned, event.pk)


def undo_claim(*, actor: Actor, customer_id: int, event_id: int) -> Order:
    """Take a claimed order away from its customer again, with all that it earned.

    The event of the claim names it; what is undone stays so. Raises NotFound, and Conflict
    when more has happened to the order since, or what it earned has been spent.
    """
    authorise(actor, Perm.ORDERS_CLAIM)
    with transaction.atomic(durable=True):
        told = Event.objects.filter(pk=event_id, customer=customer_id, kind=CLAIMED).first()
        if told is None:
            raise NotFound("There is no such claim.")
        _, order = _locked(customer_id, told.object_id or 0)
        if not is_standing(order, told):
            raise Conflict("This claim was undone before, or more has happened to the order since.")
        now = timezone.now()
        taken = _take_back(actor, order, now)
        was_theirs = told.data["was_theirs"]
        data = {**_told(order), "stays_theirs": was_theirs, "taken_back": taken}
        tell(actor, UNCLAIMED, order, now, data, before={"customer": customer_id})
        # The next who claims it earns anew.
        order.completions += 1
        order.save(update_fields=["completions"])
        if not was_theirs:
            _attach(order, None)
        return order


def is_standing(order: Order, claim: Event) -> bool:
    """Whether the order is as that claim left it."""
    return (
        order.customer_id == claim.customer_id
        and order.completions == claim.data["completions"]
        and order.status == claim.data["status"]
    )


def why_not_claimed(order: Order, customer: Customer) -> DomainError | None:
    """Why this customer can't claim the order, if they can't. The order carries its store."""
    if order.customer_id not in (None, customer.pk):
        return OrderTaken(f"Order {order.number} belongs to another customer.", order.customer_id)
    if customer.status != Customer.Status.MEMBER:
        return NotEnrolled(f"{customer} is not a member, and only members earn. Enrol first.")
    if order.status == Order.Status.CANCELLED:
        return Conflict(f"Order {order.number} was cancelled.", field="number")
    if order.status == Order.Status.REFUNDED:
        return Conflict(f"All of order {order.number} was refunded.", field="number")
    if order.customer_id is not None and (earned := _earned(order)):
        return Conflict(
            f"Order {order.number} is theirs and has earned already: {earned}.", field="number"
        )
    return None


def _earned(order: Order) -> str:
    for told in hooks.order_earnings([order]):
        return told[order.pk].total
    return ""


def _locked(customer_id: int, order_id: int) -> tuple[Customer, Order]:
    customer = Customer.objects.select_for_update(no_key=True).filter(pk=customer_id).first()
    if customer is None:
        raise NotFound("There is no such customer.")
    orders = Order.objects.select_for_update(of=("self",), no_key=True)
    order = orders.select_related("store", "customer").filter(pk=order_id).first()
    if order is None:
        raise NotFound("There is no such order.", field="number")
    return customer, order


def _attach(order: Order, customer: Customer | None) -> None:
    order.customer = customer
    order.earned_after = Refund.objects.filter(order=order).last()
    order.save(update_fields=["customer", "earned_after"])
    OrderLine.objects.filter(order=order).update(customer=customer)


def _take_back(actor: Actor, order: Order, at: datetime) -> list[dict[str, object]]:
    key = f"cancel:claim:{order.pk}:{order.completions}"
    some = hooks.order_taken_back(actor, hooks.Withdrawal(order, [], key, at))
    taken = [one for programs in some for one in programs]
    if missing := next((one for one in taken if one.missing), None):
        unit = missing.unit_singular if missing.missing == 1 else missing.unit_plural
        raise Conflict(
            f"{missing.missing:,} {unit} of what this order earned have been spent, so the claim "
            "can't be undone."
        )
    return [asdict(one) for one in taken]


def _told(order: Order) -> dict[str, object]:
    return {
        **named(order),
        "placed_at": as_text(order.placed_at),
        "total": order.total,
        "status": order.status,
    }
