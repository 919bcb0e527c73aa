"""Orders come in one by one: from the API, and from whoever else has a single order.

`customers.order_import` writes many at once, and the very same rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.db import connection, transaction

from activity.actions.recording import Act, record_act, record_audit
from activity.models import Event
from customers.actions.order_checks import OrderDraft, check_order, open_store_of
from customers.actions.order_customers import customer_for_order
from customers.hooks import Earning, order_recorded
from customers.models import Customer, Order, OrderLine
from loyalty_admin.common.actor import Actor
from loyalty_admin.common.errors import Conflict
from loyalty_admin.common.idempotency import check_key, fingerprint
from loyalty_admin.staff.actions.requests import answer_before, remember_answer
from loyalty_admin.staff.models import Store
from loyalty_admin.staff.permissions import Perm, authorise

RECORDED = "order.recorded"
CENT = Decimal("0.01")


class OrderExists(Conflict):
    """The store has another order with this number."""

    code = "order-exists"


@dataclass(frozen=True, slots=True)
class RecordedOrder:
    """An order as it was recorded, with the answer for whoever sent it.

    `created` is false when the store had sent the same order before; `replayed` is true
    when this very request was answered before.
    """

    order_id: int
    answer: dict[str, object]
    created: bool
    replayed: bool


def record_order(*, actor: Actor, draft: OrderDraft, idempotency_key: str) -> RecordedOrder:
    """Write a new order with its lines and what it earns; the same one again earns nothing.

    The idempotency keys of API clients are remembered with their answers; for everybody else
    the number of the order in its store is what makes it happen once.
    Raises InvalidInput naming the field, NotAllowed for a store that is not the actor's,
    OrderExists when the number belongs to another order, IdempotencyConflict.
    """
    authorise(actor, Perm.ORDERS_RECORD)
    check_key(idempotency_key)
    print_of_input = fingerprint({"act": RECORDED, **asdict(draft)})
    with transaction.atomic(durable=True):
        if before := answer_before(actor, idempotency_key, print_of_input):
            return RecordedOrder(
                order_id=before.answer["id"],
                answer=before.answer,
                created=before.status == 201,
                replayed=True,
            )
        store = open_store_of(actor, draft.store)
        check_order(draft, store)
        recorded = _record(actor, draft, store)
        status = 201 if recorded.created else 200
        remember_answer(
            actor, idempotency_key, print_of_input, status=status, answer=recorded.answer
        )
        return recorded


def _record(actor: Actor, draft: OrderDraft, store: Store) -> RecordedOrder:
    placed_at = draft.placed_at.astimezone(UTC)
    customer = customer_for_order(
        actor,
        external_id=draft.customer_external_id,
        enrol=draft.enrol,
        placed_at=placed_at,
    )
    order = Order(
        store=store,
        number=draft.number,
        customer=customer,
        placed_at=placed_at,
        currency=draft.currency,
        total=_sum(line.total for line in draft.lines),
        discount=_sum(line.discount for line in draft.lines),
    )
    lines = [
        OrderLine(order=order, customer=customer, position=position, **asdict(line))
        for position, line in enumerate(draft.lines, start=1)
    ]
    if not _insert(order):
        return _existing(order, lines)
    for line in lines:
        line.order_id = order.pk
    OrderLine.objects.bulk_create(lines)
    earned = [one for some in order_recorded(actor, order, lines) for one in some]
    answer = _answer(order, customer, [earning_told(one) for one in earned])
    _tell(actor, order, customer, answer)
    return RecordedOrder(order_id=order.pk, answer=answer, created=True, replayed=False)


_INSERT = """
INSERT INTO customers_order
    (store_id, number, customer_id, placed_at, currency, total, discount, status, recorded_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (number, store_id) DO NOTHING
RETURNING id
"""


def _insert(order: Order) -> bool:
    """Whether the order was new. Waits for whoever is recording the same one."""
    values: list[Any] = [
        order.store_id, order.number, order.customer_id, order.placed_at, order.currency,
        order.total, order.discount, order.status, order.recorded_at,
    ]  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, values)
        row = cursor.fetchone()
    order.pk = row[0] if row else None
    return row is not None


def _existing(given: Order, lines: Sequence[OrderLine]) -> RecordedOrder:
    order = Order.objects.select_related("store", "customer").get(
        number=given.number, store=given.store
    )
    stored = list(order.lines.all())
    if _content(order, stored) != _content(given, lines):
        raise OrderExists(
            f"Order {order.number} of store {order.store.code} was recorded before with other "
            "content. An order is never rewritten.",
            field="number",
        )
    told = Event.objects.filter(
        customer=order.customer_id, occurred_at=order.placed_at, kind=RECORDED, object_id=order.pk
    ).first()
    answer = _answer(order, order.customer, told.data["earned"] if told else [])
    return RecordedOrder(order_id=order.pk, answer=answer, created=False, replayed=False)


def _content(order: Order, lines: Sequence[OrderLine]) -> tuple[object, ...]:
    return (
        order.customer_id,
        order.placed_at,
        order.currency,
        [
            (line.sku, line.product, line.category, line.quantity, line.total, line.discount)
            for line in lines
        ],
    )


def _tell(actor: Actor, order: Order, customer: Customer | None, answer: dict[str, object]) -> None:
    data = {
        "number": order.number,
        "store": order.store.code,
        "store_name": order.store.name,
        "currency": order.currency,
        "total": order.total,
        "earned": answer["earned"],
    }
    act = Act(
        verb=RECORDED,
        object_type="order",
        object_id=order.pk,
        customer_id=customer.pk if customer else None,
        after=data,
    )
    if customer:
        record_act(actor, act, kind=RECORDED, occurred_at=order.placed_at, data=data)
    else:
        record_audit(actor, act)


def _answer(
    order: Order, customer: Customer | None, earned: Sequence[dict[str, object]]
) -> dict[str, object]:
    return {
        "id": order.pk,
        "number": order.number,
        "store": order.store.code,
        "placed_at": as_text(order.placed_at),
        "currency": order.currency,
        "total": str(order.total),
        "customer": customer and {"external_id": customer.external_id, "status": customer.status},
        "earned": list(earned),
    }


def earning_told(earning: Earning) -> dict[str, object]:
    """What an order brought in one program, as answers and events carry it."""
    return {
        "program": earning.program,
        "units": earning.units,
        "unit_name": earning.unit_name,
        "pending_until": earning.pending_until and as_text(earning.pending_until),
    }


def as_text(at: datetime) -> str:
    """A time as JSON carries it: UTC, to the millisecond where it has fractions."""
    at = at.astimezone(UTC)
    timespec = "milliseconds" if at.microsecond else "seconds"
    return at.isoformat(timespec=timespec).replace("+00:00", "Z")


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, Decimal(0)).quantize(CENT)
