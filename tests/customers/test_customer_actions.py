"""Customers are made, corrected and enrolled by actions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from activity.models import AuditRecord, ContactPoint, Event
from customers import hooks
from customers.actions.customers import (
    Identity,
    create_customer,
    enrol_customer,
    set_contact_point,
    update_customer,
)
from customers.actions.searching import refresh_search
from customers.models import Customer
from loyalty_admin.common.actor import Actor
from loyalty_admin.common.errors import Conflict, InvalidInput, NotAllowed, NotFound
from tests.factories import ContactPointFactory, CustomerFactory, actor_for

pytestmark = pytest.mark.django_db

ANA = Identity(name="Ana  Pérez", external_id="H-1", document="12.345.678-Z", address="Luna 7")


@pytest.fixture
def actor() -> Actor:
    return actor_for()


def kinds(customer: Customer) -> list[str]:
    return list(
        Event.objects.filter(customer=customer).order_by("pk").values_list("kind", flat=True)
    )


def test_create_writes_customer_contacts_timeline_and_audit(actor: Actor) -> None:
    customer = create_customer(
        actor=actor, identity=ANA, email=" Ana.Perez@Example.COM ", phone="0034 612 345 678"
    )

    assert customer.name == "Ana Pérez"
    assert customer.status == Customer.Status.MEMBER
    assert customer.joined_at == customer.listed_at
    assert [point.value for point in customer.contact_points.all()] == [
        "ana.perez@example.com",
        "+34612345678",
    ]
    assert customer.search_text.split("\n") == [
        "ana perez", "h-1", "12.345.678-z", "12345678z", "luna 7",
        "ana.perez@example.com", "34612345678",
    ]  # fmt: skip
    assert kinds(customer) == ["customer.created", "customer.enrolled"]
    assert AuditRecord.objects.filter(customer=customer, actor_user=actor.user_id).count() == 2


def test_a_guest_has_not_joined(actor: Actor) -> None:
    customer = create_customer(actor=actor, identity=ANA, enrol=False)

    assert (customer.status, customer.joined_at) == ("guest", None)
    assert customer.listed_at == customer.created_at


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"identity": Identity()}, "name"),
        ({"identity": Identity(name="x" * 161)}, "name"),
        ({"identity": Identity(name="nul\0")}, "name"),
        ({"identity": Identity(name="Ana", language="e5")}, "language"),
        ({"identity": ANA, "email": "not an address"}, "email"),
        ({"identity": ANA, "phone": "12"}, "phone"),
        ({"identity": ANA, "phone": "call me"}, "phone"),
    ],
)
def test_create_refuses_what_cannot_be(actor: Actor, given: Any, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        create_customer(actor=actor, **given)

    assert refused.value.field == field
    assert not Customer.objects.exists()


def test_an_external_id_belongs_to_one_customer(actor: Actor) -> None:
    create_customer(actor=actor, identity=ANA)
    other = create_customer(actor=actor, identity=Identity(name="Other"))

    with pytest.raises(Conflict):
        create_customer(actor=actor, identity=ANA)
    with pytest.raises(Conflict):
        update_customer(actor=actor, customer_id=other.pk, identity=ANA)


def test_update_records_what_changed_and_only_that(actor: Actor) -> None:
    customer = create_customer(actor=actor, identity=ANA)
    corrected = replace(ANA, address="Sol 1")

    update_customer(actor=actor, customer_id=customer.pk, identity=corrected)
    update_customer(actor=actor, customer_id=customer.pk, identity=corrected)

    customer.refresh_from_db()
    events = Event.objects.filter(customer=customer, kind="customer.updated")
    assert [event.data for event in events] == [
        {"before": {"address": "Luna 7"}, "after": {"address": "Sol 1"}}
    ]
    assert "sol 1" in customer.search_text
    assert "luna" not in customer.search_text


def test_cu4_a_corrected_contact_point_is_reachable_again(actor: Actor) -> None:
    point = ContactPointFactory(state="blocked", state_reason="550 5.1.1")
    told: list[ContactPoint] = []
    hooks.contact_point_changed.attach(lambda _actor, changed: told.append(changed))

    set_contact_point(
        actor=actor, customer_id=point.customer_id, kind="email", value="new@example.com",
        replaces=point.pk,
    )  # fmt: skip

    point.refresh_from_db()
    assert (point.value, point.state, point.state_reason) == ("new@example.com", "ok", "")
    assert [changed.pk for changed in told] == [point.pk]
    hooks.contact_point_changed._receivers.pop()
    event = Event.objects.get(customer=point.customer_id)
    assert event.data["before"]["state"] == "blocked"


def test_cu4_an_opt_out_follows_the_number(actor: Actor) -> None:
    number = "+34612000001"
    ContactPointFactory(kind="phone", value=number, state="opted_out")
    other = CustomerFactory()

    point = set_contact_point(actor=actor, customer_id=other.pk, kind="phone", value="612 000 001")

    assert (point.value, point.state) == (number, "opted_out")


def test_setting_a_contact_point_again_changes_nothing(actor: Actor) -> None:
    point = ContactPointFactory(state="blocked")

    same = set_contact_point(
        actor=actor, customer_id=point.customer_id, kind="email", value=point.value.upper()
    )

    assert (same.pk, same.state) == (point.pk, "blocked")
    assert not Event.objects.exists()


def test_a_contact_point_of_somebody_else_is_not_replaced(actor: Actor) -> None:
    point, other = ContactPointFactory(), CustomerFactory()

    with pytest.raises(NotFound):
        set_contact_point(
            actor=actor, customer_id=other.pk, kind="email", value="a@example.com",
            replaces=point.pk,
        )  # fmt: skip


@pytest.mark.parametrize("trait", ["guest", "removed"])
def test_cu7_enrol_makes_a_member_once(actor: Actor, trait: str) -> None:
    customer = CustomerFactory(**{trait: True})
    joined = customer.joined_at

    enrol_customer(actor=actor, customer_id=customer.pk)
    enrolled = enrol_customer(actor=actor, customer_id=customer.pk)

    assert enrolled.status == Customer.Status.MEMBER
    assert enrolled.joined_at is not None
    assert joined in {None, enrolled.joined_at}
    assert kinds(customer) == ["customer.enrolled"]


def test_who_may_only_look_changes_nothing() -> None:
    auditor = actor_for(auditor=True)
    customer = CustomerFactory(guest=True)
    acts: list[Any] = [
        lambda: create_customer(actor=auditor, identity=ANA),
        lambda: update_customer(actor=auditor, customer_id=customer.pk, identity=ANA),
        lambda: enrol_customer(actor=auditor, customer_id=customer.pk),
        lambda: set_contact_point(
            actor=auditor, customer_id=customer.pk, kind="email", value="a@example.com"
        ),
    ]

    for act in acts:
        with pytest.raises(NotAllowed):
            act()

    assert Customer.objects.count() == 1
    assert not Event.objects.exists()
    assert not ContactPoint.objects.exists()


@pytest.mark.parametrize(
    ("act", "more"),
    [
        (enrol_customer, {}),
        (update_customer, {"identity": ANA}),
        (set_contact_point, {"kind": "email", "value": "a@example.com"}),
    ],
)
def test_an_unknown_customer_is_not_found(actor: Actor, act: Any, more: dict[str, Any]) -> None:
    with pytest.raises(NotFound):
        act(actor=actor, customer_id=999, **more)


def test_refresh_search_brings_many_up_to_date_in_one_query(
    django_assert_num_queries: Any,
) -> None:
    customers = CustomerFactory.create_batch(3, name="Íñigo Çelik", search_text="stale")

    with django_assert_num_queries(1):
        refresh_search([customer.pk for customer in customers[:2]])

    texts = Customer.objects.order_by("pk").values_list("search_text", flat=True)
    assert [text.split("\n")[0] for text in texts] == ["inigo celik", "inigo celik", "stale"]
