"""Customers: known, corrected, enrolled."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from activity.actions.recording import Act, Data, record_act
from activity.models import ContactPoint
from customers import hooks
from customers.actions.searching import refresh_search
from customers.contacts import normal_value
from customers.models import Customer
from loyalty_admin.common.actor import Actor
from loyalty_admin.common.errors import Conflict, InvalidInput, NotFound
from loyalty_admin.staff.permissions import Perm, authorise

CREATED = "customer.created"
UPDATED = "customer.updated"
ENROLLED = "customer.enrolled"
REMOVED = "customer.removed"
CONTACT_CHANGED = "customer.contact_changed"

MAX_LENGTHS = {"name": 160, "external_id": 80, "document": 40, "address": 300, "language": 8}
MAX_REASON = 200
"""In characters, as the columns have them."""
EARLIEST_BIRTH = date(1900, 1, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who a customer is; empty text, and no date, means not known."""

    name: str = ""
    external_id: str = ""
    document: str = ""
    address: str = ""
    language: str = "en"
    birth_date: date | None = None


def create_customer(
    *,
    actor: Actor,
    identity: Identity,
    email: str = "",
    phone: str = "",
    enrol: bool = True,
    at: datetime | None = None,
) -> Customer:
    """Make a customer known, and a member when `enrol`; `at` is when they came (default: now).

    Raises InvalidInput for values that can't be, Conflict for an external id that is taken.
    """
    authorise(actor, Perm.CUSTOMERS_EDIT)
    given = {ContactPoint.Kind.EMAIL: email, ContactPoint.Kind.PHONE: phone}
    contacts = {kind: normal_value(kind, text) for kind, text in given.items() if text.strip()}
    identity = _cleaned(identity)
    if not (identity.name or identity.external_id or contacts):
        raise InvalidInput(
            "Enter a name, an e-mail address, a phone number or an id.", field="name"
        )
    with transaction.atomic(durable=True):
        _check_external_id(identity.external_id)
        now = at or timezone.now()
        customer = Customer.objects.create(
            **_columns(identity),
            status=Customer.Status.MEMBER if enrol else Customer.Status.GUEST,
            joined_at=now if enrol else None,
            created_at=now,
        )
        for kind, value in contacts.items():
            _new_contact(customer.pk, kind, value)
        refresh_search([customer.pk])
        data = {"status": customer.status} | told(identity) | contacts
        _record(actor, CREATED, customer, now, data, after=data)
        if enrol:
            _enrolled(actor, customer, now)
        customer.refresh_from_db(fields=["listed_at", "search_text"])
        return customer


def update_customer(*, actor: Actor, customer_id: int, identity: Identity) -> Customer:
    """Correct who a customer is; what is the same already changes and records nothing.

    Raises NotFound, InvalidInput, and Conflict for an external id that is taken.
    """
    authorise(actor, Perm.CUSTOMERS_EDIT)
    identity = _cleaned(identity)
    with transaction.atomic(durable=True):
        customer = _locked(customer_id)
        columns = _columns(identity)
        changed = [name for name, value in columns.items() if getattr(customer, name) != value]
        if not changed:
            return customer
        if "external_id" in changed:
            _check_external_id(identity.external_id)
        before = {name: getattr(customer, name) for name in changed}
        for name in changed:
            setattr(customer, name, columns[name])
        customer.save(update_fields=changed)
        refresh_search([customer.pk])
        after = {name: columns[name] for name in changed}
        data = {"before": before, "after": after}
        _record(actor, UPDATED, customer, timezone.now(), data, before=before, after=after)
        return customer


def set_contact_point(
    *, actor: Actor, customer_id: int, kind: str, value: str, replaces: int | None = None
) -> ContactPoint:
    """Add an e-mail address or phone number, or correct the one with the id `replaces`.

    A corrected contact point is reachable again; an opt-out follows the number, whoever's
    record it stands on. Setting what is there already changes nothing. Raises NotFound,
    InvalidInput.
    """
    authorise(actor, Perm.CUSTOMERS_EDIT)
    if kind not in ContactPoint.Kind.values:
        raise InvalidInput(f"“{kind}” is neither email nor phone.", field="kind")
    value = normal_value(kind, value)
    with transaction.atomic(durable=True):
        customer = _locked(customer_id)
        points = {point.pk: point for point in customer.contact_points.filter(kind=kind)}
        if same := next((point for point in points.values() if point.value == value), None):
            return same
        if replaces is not None and replaces not in points:
            raise NotFound("This contact point is not there any more.", field="replaces")
        if replaces is None:
            point, before = _new_contact(customer.pk, kind, value), None
        else:
            point = points[replaces]
            before = {"value": point.value, "state": point.state, "reason": point.state_reason}
            point.value, point.state_reason = value, ""
            point.state = _state_of(kind, value)
            point.save(update_fields=["value", "state", "state_reason"])
        refresh_search([customer.pk])
        after = {"value": value, "state": point.state}
        data = {"kind": kind, "before": before, "after": after}
        now = timezone.now()
        _record(actor, CONTACT_CHANGED, customer, now, data, before=before, after=data)
        hooks.contact_point_changed(actor, point)
        return point


def enrol_customer(
    *,
    actor: Actor,
    customer_id: int,
    at: datetime | None = None,
    birth_date: date | None = None,
) -> Customer:
    """Make a guest a member, or bring somebody who was removed back; `at` defaults to now.

    Who came back keeps the date on which they first joined; a `birth_date` that is not given
    stays as it is known. Raises NotFound, InvalidInput.
    """
    authorise(actor, Perm.CUSTOMERS_EDIT)
    _check_birth(birth_date)
    with transaction.atomic(durable=True):
        customer = _locked(customer_id)
        if customer.status == Customer.Status.MEMBER:
            return customer
        before, now = customer.status, at or timezone.now()
        customer.status = Customer.Status.MEMBER
        customer.joined_at = customer.joined_at or now
        customer.birth_date = birth_date or customer.birth_date
        customer.save(update_fields=["status", "joined_at", "birth_date"])
        _enrolled(actor, customer, now, before=before)
        customer.refresh_from_db(fields=["listed_at"])
        return customer


def remove_customer(*, actor: Actor, customer_id: int, reason: str = "") -> Customer:
    """Take a member out of the programme: nothing is deleted, and nothing moves any more.

    Who is out already stays so. Raises NotFound, InvalidInput, and Conflict for a guest.
    """
    authorise(actor, Perm.CUSTOMERS_EDIT)
    reason = _printable("reason", reason, MAX_REASON)
    with transaction.atomic(durable=True):
        customer = _locked(customer_id)
        if customer.status == Customer.Status.REMOVED:
            return customer
        if customer.status == Customer.Status.GUEST:
            raise Conflict(f"{customer} is not a member, so there is nothing to take them out of.")
        hooks.customer_leaving(actor, customer)
        before, customer.status = customer.status, Customer.Status.REMOVED
        customer.save(update_fields=["status"])
        data = {"before": before, "after": customer.status, "reason": reason}
        now = timezone.now()
        _record(actor, REMOVED, customer, now, data, before={"status": before}, after=data)
        return customer


def _locked(customer_id: int) -> Customer:
    customer = Customer.objects.select_for_update(no_key=True).filter(pk=customer_id).first()
    if customer is None:
        raise NotFound("There is no such customer.")
    return customer


def _new_contact(customer_id: int, kind: str, value: str) -> ContactPoint:
    return ContactPoint.objects.create(
        customer_id=customer_id, kind=kind, value=value, state=_state_of(kind, value)
    )


def _state_of(kind: str, value: str) -> ContactPoint.State:
    opted_out = kind == ContactPoint.Kind.PHONE and (
        ContactPoint.objects.filter(
            kind=kind, value=value, state=ContactPoint.State.OPTED_OUT
        ).exists()
    )
    return ContactPoint.State.OPTED_OUT if opted_out else ContactPoint.State.OK


def _enrolled(
    actor: Actor, customer: Customer, at: datetime, before: str = Customer.Status.GUEST
) -> None:
    data = {"before": before, "after": customer.status}
    _record(actor, ENROLLED, customer, at, data, before={"status": before}, after=data)
    hooks.customer_enrolled(actor, customer)


def _record(
    actor: Actor,
    kind: str,
    customer: Customer,
    at: datetime,
    data: Data,
    *,
    before: Data | None = None,
    after: Data | None = None,
) -> None:
    act = Act(
        verb=kind,
        object_type="customer",
        object_id=customer.pk,
        customer_id=customer.pk,
        before=before,
        after=after,
    )
    record_act(actor, act, kind=kind, occurred_at=at, data=data)


def told(identity: Identity) -> dict[str, object]:
    """The identity as events carry it: without a date that is not known."""
    return {name: value for name, value in asdict(identity).items() if value is not None}


def _columns(identity: Identity) -> dict[str, Any]:
    return asdict(identity) | {"external_id": identity.external_id or None}


def _cleaned(identity: Identity) -> Identity:
    _check_birth(identity.birth_date)
    texts = {name: getattr(identity, name) for name in MAX_LENGTHS}
    cleaned: dict[str, Any] = {name: _clean(name, text) for name, text in texts.items()}
    return replace(identity, **cleaned)


def _check_birth(birth_date: date | None) -> None:
    if birth_date is None:
        return
    if birth_date < EARLIEST_BIRTH:
        raise InvalidInput("This is before 1900.", field="birth_date")
    if birth_date > timezone.localdate():
        raise InvalidInput("This is in the future.", field="birth_date")


def _clean(field: str, text: str) -> str:
    text = _printable(field, text, MAX_LENGTHS[field])
    if field == "language" and not (text.isascii() and text.replace("-", "").isalpha()):
        raise InvalidInput("Enter a language code such as en or es.", field=field)
    return text


def _printable(field: str, text: str, longest: int) -> str:
    """The text on one line. Raises InvalidInput when the database can't hold it."""
    text = " ".join(text.split())
    if len(text) > longest:
        raise InvalidInput(f"At most {longest} characters; this has {len(text)}.", field=field)
    if not text.isprintable():
        raise InvalidInput("This contains characters that can't be printed.", field=field)
    return text


def _check_external_id(external_id: str) -> None:
    if external_id and Customer.objects.filter(external_id=external_id).exists():
        raise Conflict(f"Another customer has the id “{external_id}”.", field="external_id")
