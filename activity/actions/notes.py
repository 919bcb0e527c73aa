"""Notes on a customer: added, edited with every earlier text kept, pinned. Never deleted."""

from __future__ import annotations

from django.apps import apps
from django.db import transaction
from django.utils import timezone

from activity.actions.recording import Act, Data, authored, record_act
from activity.models import Note, NoteRevision
from loyalty_admin.common.actor import Actor
from loyalty_admin.common.errors import InvalidInput, NotFound, StaleView
from loyalty_admin.common.idempotency import check_key, check_same_input, fingerprint
from loyalty_admin.staff.permissions import Perm, authorise

ADDED = "note.added"
EDITED = "note.edited"
PINNED = "note.pinned"
UNPINNED = "note.unpinned"
MAX_LENGTH = 4000


def add_note(
    *, actor: Actor, customer_id: int, channel: str, body: str, idempotency_key: str
) -> Note:
    """Write a note on a customer. Raises NotFound, InvalidInput, IdempotencyConflict."""
    authorise(actor, Perm.NOTES_WRITE)
    check_key(idempotency_key)
    body = _checked(channel, body)
    values = {
        "act": "add_note",
        "actor": actor.user_id,
        "customer": customer_id,
        "channel": channel,
        "body": body,
    }
    with transaction.atomic(durable=True):
        _lock_customer(customer_id)
        if earlier := Note.objects.filter(idempotency_key=idempotency_key).first():
            check_same_input(earlier.fingerprint, fingerprint(values))
            return earlier
        note = Note.objects.create(
            customer_id=customer_id,
            channel=channel,
            body=body,
            idempotency_key=idempotency_key,
            fingerprint=fingerprint(values),
            **authored(actor),
        )
        _tell(actor, note, ADDED, before=None, after=_text_of(note))
    return note


def edit_note(
    *, actor: Actor, customer_id: int, note_id: int, channel: str, body: str, seen_edits: int
) -> Note:
    """Change what a note says; what it said before is kept.

    `seen_edits` is how often the note had been edited when the actor read it, so that the
    same edit sent twice acts once. Raises NotFound, InvalidInput, and StaleView when
    somebody else has changed the note since.
    """
    authorise(actor, Perm.NOTES_WRITE)
    body = _checked(channel, body)
    with transaction.atomic(durable=True):
        note = _lock_note(customer_id, note_id)
        before = _text_of(note)
        after: Data = {"channel": channel, "body": body}
        if before == after:
            return note
        if note.edits != seen_edits:
            raise StaleView(
                "Somebody has changed this note meanwhile. Read it again, then repeat your change."
            )
        NoteRevision.objects.create(
            note=note,
            customer_id=customer_id,
            channel=note.channel,
            body=note.body,
            **authored(actor),
        )
        note.channel, note.body = channel, body
        note.edits += 1
        note.edited_at = timezone.now()
        note.save(update_fields=["channel", "body", "edits", "edited_at"])
        _tell(actor, note, EDITED, before=before, after=after)
    return note


def pin_note(*, actor: Actor, customer_id: int, note_id: int, pinned: bool) -> Note:
    """Put a note on top of the timeline, or take it from there. Raises NotFound."""
    authorise(actor, Perm.NOTES_WRITE)
    with transaction.atomic(durable=True):
        note = _lock_note(customer_id, note_id)
        if note.pinned == pinned:
            return note
        note.pinned = pinned
        note.save(update_fields=["pinned"])
        kind = PINNED if pinned else UNPINNED
        _tell(actor, note, kind, before={"pinned": not pinned}, after={"pinned": pinned})
    return note


def _lock_customer(customer_id: int) -> None:
    """Twins of one request wait for each other here. Raises NotFound."""
    customers = apps.get_model("customers", "Customer")._default_manager
    locked = customers.select_for_update(no_key=True).filter(pk=customer_id)
    if not locked.values_list("pk", flat=True).first():
        raise NotFound("There is no such customer.")


def _lock_note(customer_id: int, note_id: int) -> Note:
    note = Note.objects.select_for_update().filter(customer_id=customer_id, pk=note_id).first()
    if note is None:
        raise NotFound("There is no such note.")
    return note


def _checked(channel: str, body: str) -> str:
    """The body as it is stored. Raises InvalidInput."""
    if channel not in Note.Channel.values:
        raise InvalidInput("Choose how the customer got in touch.", field="channel")
    body = body.replace("\r\n", "\n").strip()
    if not body:
        raise InvalidInput("Write what the customer said or what you did.", field="body")
    if len(body) > MAX_LENGTH:
        raise InvalidInput(
            f"A note has at most {MAX_LENGTH:,} characters; this one has {len(body):,}.",
            field="body",
        )
    if "\x00" in body:
        raise InvalidInput("The text contains a character that can't be stored.", field="body")
    return body


def _text_of(note: Note) -> Data:
    return {"channel": note.channel, "body": note.body}


def _tell(actor: Actor, note: Note, kind: str, *, before: Data | None, after: Data) -> None:
    act = Act(
        verb=kind,
        object_type="note",
        object_id=note.pk,
        customer_id=note.customer_id,
        before=before,
        after=after,
    )
    data: Data = dict(after) if before is None else {"before": before, "after": after}
    record_act(actor, act, kind=kind, occurred_at=timezone.now(), data=data)
