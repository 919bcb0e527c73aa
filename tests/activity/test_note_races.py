"""The same note sent at the same moment, and the same note edited by two people."""

from __future__ import annotations

from functools import partial

import pytest
from django.db import IntegrityError

from activity.actions import notes
from activity.actions.notes import add_note, edit_note
from activity.models import AuditRecord, Event, Note, NoteRevision
from loyalty_admin.common.actor import Actor
from loyalty_admin.common.errors import StaleView
from tests.concurrency.threads import together
from tests.factories import CustomerFactory, actor_for

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.race]

THREADS = 8


def test_twins_of_a_note_act_once() -> None:
    answers = together([sent_by(actor_for(), CustomerFactory().pk)] * THREADS)

    assert {getattr(answer, "pk", answer) for answer in answers} == {Note.objects.get().pk}
    assert (Event.objects.count(), AuditRecord.objects.count()) == (1, 1)


def test_without_the_lock_twins_collide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notes, "_lock_customer", lambda customer_id: None)

    answers = together([sent_by(actor_for(), CustomerFactory().pk)] * THREADS)

    assert any(isinstance(answer, IntegrityError) for answer in answers)
    assert Note.objects.count() == 1  # the constraint has the last word


def test_of_two_edits_at_once_one_is_told_it_is_stale() -> None:
    actor, customer = actor_for(), CustomerFactory()
    note = sent_by(actor, customer.pk)()
    edit = partial(
        edit_note, actor=actor, customer_id=customer.pk, note_id=note.pk, channel="chat",
        seen_edits=0,
    )  # fmt: skip

    answers = together([partial(edit, body=f"Text {number}") for number in range(THREADS)])

    assert sum(isinstance(answer, StaleView) for answer in answers) == THREADS - 1
    assert NoteRevision.objects.get().body == "Hi"
    assert Note.objects.get().edits == 1


def sent_by(actor: Actor, customer_id: int) -> partial[Note]:
    """The same note by the same person with the same key."""
    return partial(
        add_note, actor=actor, customer_id=customer_id, channel="chat", body="Hi",
        idempotency_key="twin",
    )  # fmt: skip
