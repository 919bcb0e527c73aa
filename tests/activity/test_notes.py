"""Notes: added once, edited with every earlier text kept, pinned."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.db import DatabaseError, transaction

from activity.actions.notes import MAX_LENGTH, add_note, edit_note, pin_note
from activity.models import AuditRecord, Event, Note, NoteRevision
from customers.models import Customer
from loyalty_admin.common.actor import Actor
from loyalty_admin.common.errors import (
    IdempotencyConflict,
    InvalidInput,
    NotAllowed,
    NotFound,
    StaleView,
)
from tests.factories import CustomerFactory, actor_for

pytestmark = pytest.mark.django_db


@pytest.fixture
def actor() -> Actor:
    return actor_for(name="Marta")


@pytest.fixture
def customer() -> Customer:
    customer: Customer = CustomerFactory()
    return customer


def written(actor: Actor, customer: Customer, body: str = "Called about a broken cup.") -> Note:
    """A note by phone."""
    return add_note(
        actor=actor,
        customer_id=customer.pk,
        channel="phone",
        body=body,
        idempotency_key=str(uuid4()),
    )


def test_a_note_is_kept_told_and_audited(actor: Actor, customer: Customer) -> None:
    note = written(actor, customer, body="  Called.\r\nSent a coupon. ")

    assert note.body == "Called.\nSent a coupon."
    assert (note.actor_label, note.actor_user_id) == ("Marta", actor.user_id)
    event = Event.objects.get()
    assert (event.kind, event.customer_id, event.object_id) == ("note.added", customer.pk, note.pk)
    assert event.data == {"channel": "phone", "body": note.body}
    record = AuditRecord.objects.get()
    assert (record.verb, record.before, record.after) == ("note.added", None, event.data)
    assert record.customer_id == customer.pk


def test_a_note_sent_twice_is_written_once(actor: Actor, customer: Customer) -> None:
    sent: dict[str, Any] = {"customer_id": customer.pk, "channel": "chat", "body": "Hi"}
    sent["idempotency_key"] = "k"

    first, second = add_note(actor=actor, **sent), add_note(actor=actor, **sent)

    assert first.pk == second.pk
    assert (Note.objects.count(), Event.objects.count(), AuditRecord.objects.count()) == (1, 1, 1)


def test_a_key_is_good_for_one_text(actor: Actor, customer: Customer) -> None:
    sent: dict[str, Any] = {"customer_id": customer.pk, "channel": "chat", "idempotency_key": "k"}
    add_note(actor=actor, body="Hi", **sent)

    with pytest.raises(IdempotencyConflict):
        add_note(actor=actor, body="Hello", **sent)

    assert Note.objects.count() == 1


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"body": "  \n "}, "body"),
        ({"body": "x" * (MAX_LENGTH + 1)}, "body"),
        ({"body": "a\x00b"}, "body"),
        ({"channel": "pigeon"}, "channel"),
        ({"idempotency_key": ""}, "idempotency_key"),
    ],
)
def test_bad_input_names_its_field(
    actor: Actor, customer: Customer, wrong: dict[str, str], field: str
) -> None:
    given = {"channel": "chat", "body": "Hi", "idempotency_key": "k"} | wrong

    with pytest.raises(InvalidInput) as refusal:
        add_note(actor=actor, customer_id=customer.pk, **given)

    assert refusal.value.field == field
    assert not Note.objects.exists()


def test_a_note_needs_a_customer(actor: Actor) -> None:
    with pytest.raises(NotFound):
        add_note(actor=actor, customer_id=0, channel="chat", body="Hi", idempotency_key="k")


def test_an_edit_keeps_what_the_note_said(actor: Actor, customer: Customer) -> None:
    note = written(actor, customer, "Wants a refund")
    luis = actor_for(name="Luis", lead=True)

    edited = edit_note(
        actor=luis, customer_id=customer.pk, note_id=note.pk, channel="email", body="Wants a cup",
        seen_edits=0,
    )  # fmt: skip

    assert (edited.body, edited.channel, edited.edits) == ("Wants a cup", "email", 1)
    assert edited.edited_at is not None
    revision = NoteRevision.objects.get()
    assert (revision.body, revision.channel) == ("Wants a refund", "phone")
    assert revision.actor_label == "Luis"
    event = Event.objects.get(kind="note.edited")
    assert event.data["before"]["body"] == "Wants a refund"
    assert event.data["after"]["body"] == "Wants a cup"
    assert AuditRecord.objects.filter(verb="note.edited").count() == 1


def test_an_edit_sent_twice_acts_once(actor: Actor, customer: Customer) -> None:
    note = written(actor, customer)
    sent: dict[str, Any] = {
        "customer_id": customer.pk,
        "note_id": note.pk,
        "channel": "chat",
        "body": "New",
    }

    for _time in range(2):
        edit_note(actor=actor, seen_edits=0, **sent)

    assert Note.objects.get().edits == 1
    assert NoteRevision.objects.count() == 1


def test_a_stale_edit_is_told_so_and_loses_nothing(actor: Actor, customer: Customer) -> None:
    note = written(actor, customer)
    sent: dict[str, Any] = {
        "customer_id": customer.pk,
        "note_id": note.pk,
        "channel": "chat",
        "seen_edits": 0,
    }
    edit_note(actor=actor, body="First", **sent)

    with pytest.raises(StaleView):
        edit_note(actor=actor, body="Second", **sent)

    assert Note.objects.get().body == "First"


def test_pinning_twice_is_told_once(actor: Actor, customer: Customer) -> None:
    note = written(actor, customer)
    for pinned in (True, True, False, False):
        pin_note(actor=actor, customer_id=customer.pk, note_id=note.pk, pinned=pinned)

    kinds = Event.objects.order_by("pk").values_list("kind", flat=True)
    assert list(kinds) == ["note.added", "note.pinned", "note.unpinned"]


def test_a_note_belongs_to_its_customer(actor: Actor, customer: Customer) -> None:
    note, other = written(actor, customer), CustomerFactory()

    with pytest.raises(NotFound):
        pin_note(actor=actor, customer_id=other.pk, note_id=note.pk, pinned=True)
    with pytest.raises(NotFound):
        edit_note(
            actor=actor, customer_id=other.pk, note_id=note.pk, channel="chat", body="x",
            seen_edits=0,
        )  # fmt: skip


def test_who_only_reads_writes_no_notes(actor: Actor, customer: Customer) -> None:
    note, auditor = written(actor, customer), actor_for(auditor=True)

    with pytest.raises(NotAllowed):
        written(auditor, customer)
    with pytest.raises(NotAllowed):
        pin_note(actor=auditor, customer_id=customer.pk, note_id=note.pk, pinned=True)
    with pytest.raises(NotAllowed):
        edit_note(
            actor=auditor, customer_id=customer.pk, note_id=note.pk, channel="chat", body="x",
            seen_edits=0,
        )  # fmt: skip


@pytest.mark.parametrize("model", [Event, AuditRecord, NoteRevision])
def test_what_was_written_down_stays(actor: Actor, customer: Customer, model: type) -> None:
    note = written(actor, customer)
    edit_note(
        actor=actor, customer_id=customer.pk, note_id=note.pk, channel="chat", body="New",
        seen_edits=0,
    )  # fmt: skip
    rows = model.objects.all()  # type: ignore[attr-defined]

    for change in (lambda: rows.update(actor_label="Nobody"), rows.delete):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()
