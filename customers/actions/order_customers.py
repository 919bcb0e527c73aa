"""The customer of an order: found by their external id, or made known by the order."""

from __future__ import annotations

from datetime import datetime

from django.db import connection

from activity.actions.recording import Act, Data, record_act
from customers import hooks
from customers.actions.customers import CREATED, ENROLLED, Identity, told
from customers.models import Customer
from loyalty_admin.common.actor import Actor

_CREATE = """
INSERT INTO customers_customer
    (external_id, name, document, address, language, status, joined_at, created_at, search_text)
VALUES (%(external_id)s, '', '', '', 'en', %(status)s, %(joined_at)s, %(at)s,
        search_normal(%(external_id)s))
ON CONFLICT (external_id) DO NOTHING
RETURNING id
"""


def customer_for_order(
    actor: Actor, *, external_id: str | None, enrol: bool, placed_at: datetime
) -> Customer | None:
    """The customer with this external id, created when unknown; None for a guest checkout.

    With `enrol`, who is not a member joins with this order; who was removed stays removed.
    """
    if external_id is None:
        return None
    customer = Customer.objects.filter(external_id=external_id).first() or _create(
        actor, external_id, enrol, placed_at
    )
    if enrol and customer.status == Customer.Status.GUEST:
        customer = _enrol(actor, customer.pk, placed_at)
    return customer


def _create(actor: Actor, external_id: str, enrol: bool, at: datetime) -> Customer:
    values = {
        "external_id": external_id,
        "status": Customer.Status.MEMBER if enrol else Customer.Status.GUEST,
        "joined_at": at if enrol else None,
        "at": at,
    }
    with connection.cursor() as cursor:
        cursor.execute(_CREATE, values)
        is_new = cursor.fetchone() is not None
    customer = Customer.objects.get(external_id=external_id)
    if is_new:  # otherwise somebody else has created them at this moment
        data = {"status": customer.status} | told(Identity(external_id=external_id))
        _tell(actor, customer, CREATED, at, data)
        if enrol:
            _enrolled(actor, customer, at)
    return customer


def _enrol(actor: Actor, customer_id: int, at: datetime) -> Customer:
    # Not the key: whoever commits an order of this customer meanwhile need not wait.
    customer = Customer.objects.select_for_update(no_key=True).get(pk=customer_id)
    if customer.status == Customer.Status.GUEST:
        customer.status, customer.joined_at = Customer.Status.MEMBER, at
        customer.save(update_fields=["status", "joined_at"])
        _enrolled(actor, customer, at)
    return customer


def _enrolled(actor: Actor, customer: Customer, at: datetime) -> None:
    data = {"before": Customer.Status.GUEST, "after": customer.status}
    _tell(actor, customer, ENROLLED, at, data)
    hooks.customer_enrolled(actor, customer)


def _tell(actor: Actor, customer: Customer, kind: str, at: datetime, data: Data) -> None:
    act = Act(
        verb=kind,
        object_type="customer",
        object_id=customer.pk,
        customer_id=customer.pk,
        after=data,
    )
    record_act(actor, act, kind=kind, occurred_at=at, data=data)
