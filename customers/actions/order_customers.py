"""The customer of an order: found by their external id, or made known by the order."""

from __future__ import annotations

from datetime import datetime

from django.db import connection
from django.utils import timezone

from activity.actions.recording import Act, record_act
from customers.models import Customer
from loyalty_admin.common.actor import Actor
from loyalty_admin.staff.models import Store

CREATED = "customer.created"
ENROLLED = "customer.enrolled"

_CREATE = """
INSERT INTO customers_customer
    (external_id, name, document, address, language, status, joined_at, created_at, search_text)
VALUES (%s, '', '', '', 'en', %s, %s, %s, search_normal(%s))
ON CONFLICT (external_id) DO NOTHING
RETURNING id
"""


def customer_for_order(
    actor: Actor,
    *,
    external_id: str | None,
    enrol: bool,
    placed_at: datetime,
    number: str,
    store: Store,
) -> Customer | None:
    """The customer with this external id, created when unknown; None for a guest checkout.

    With `enrol`, who is not a member joins with this order; who was removed stays removed.
    """
    if external_id is None:
        return None
    customer = Customer.objects.filter(external_id=external_id).first()
    told = {"order": number, "store": store.code}
    if customer is None and _create(external_id, placed_at if enrol else None):
        customer = Customer.objects.get(external_id=external_id)
        kind = ENROLLED if enrol else CREATED
        _tell(actor, customer, kind, placed_at, told)
    if customer is None:  # somebody else has created them at this moment
        customer = Customer.objects.get(external_id=external_id)
    if enrol and customer.status == Customer.Status.GUEST:
        customer = _enrol(actor, customer, placed_at, told)
    return customer


def _create(external_id: str, joined_at: datetime | None) -> bool:
    status = Customer.Status.MEMBER if joined_at else Customer.Status.GUEST
    with connection.cursor() as cursor:
        values = [external_id, status, joined_at, timezone.now(), external_id]
        cursor.execute(_CREATE, values)
        return cursor.fetchone() is not None


def _enrol(
    actor: Actor, customer: Customer, joined_at: datetime, told: dict[str, object]
) -> Customer:
    locked = Customer.objects.select_for_update().get(pk=customer.pk)
    if locked.status == Customer.Status.GUEST:
        locked.status, locked.joined_at = Customer.Status.MEMBER, joined_at
        locked.save(update_fields=["status", "joined_at"])
        _tell(actor, locked, ENROLLED, joined_at, told)
    return locked


def _tell(
    actor: Actor, customer: Customer, kind: str, at: datetime, told: dict[str, object]
) -> None:
    act = Act(
        verb=kind,
        object_type="customer",
        object_id=customer.pk,
        customer_id=customer.pk,
        after={"external_id": customer.external_id, "status": customer.status, **told},
    )
    record_act(actor, act, kind=kind, occurred_at=at, data=told)
