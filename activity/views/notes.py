"""Notes: added on the timeline, edited and looked back at in dialogs, pinned with a button."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar
from uuid import uuid4

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render as render_template
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import trigger_client_event

from activity.actions.notes import add_note, edit_note, pin_note
from activity.forms import NoteEditForm, NoteForm
from activity.models import Note
from activity.selectors import note_of
from activity.views.timeline import PANEL, show_timeline
from loyalty_admin.common.actor import Actor
from loyalty_admin.common.errors import DomainError, IdempotencyConflict, NotFound, StaleView
from loyalty_admin.common.htmx import done, is_fragment, render
from loyalty_admin.staff.permissions import Perm, requires

CHANGED = "activity-changed"

F = TypeVar("F", bound=forms.Form)


@requires(Perm.NOTES_WRITE)
@require_POST
def add(request: HttpRequest, customer_id: int) -> HttpResponse:
    """Write a note; htmx gets an empty form back, everybody else the timeline."""
    form = NoteForm(request.POST)
    if not form.is_valid():
        return _note_form(request, customer_id, form, status=422)
    try:
        add_note(actor=_actor(request), customer_id=customer_id, **form.cleaned_data)
    except NotFound as error:
        raise Http404 from error
    except IdempotencyConflict as error:
        refused = _refused(form, error, idempotency_key=str(uuid4()))
        return _note_form(request, customer_id, refused, status=422)
    except DomainError as error:
        return _note_form(request, customer_id, _refused(form, error), status=422)
    if not is_fragment(request):
        url = reverse("activity:timeline", args=[customer_id])
        return done(request, message=_("Note added."), next_url=url)
    response = _note_form(request, customer_id, NoteForm())
    toast = {"message": _("Note added."), "tone": "ok"}
    response.write(render_to_string("components/toast_partial.html", toast, request))
    return trigger_client_event(response, CHANGED)


@requires(Perm.NOTES_WRITE)
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, customer_id: int, note_id: int) -> HttpResponse:
    """Change what a note says; the dialog shows how it will be remembered."""
    note = _find(lambda: note_of(customer_id, note_id))
    if request.method != "POST":
        return _edit_dialog(request, note, NoteEditForm(initial=_values_of(note)))
    form = NoteEditForm(request.POST)
    if not form.is_valid():
        return _edit_dialog(request, note, form, status=422)
    try:
        edit_note(
            actor=_actor(request), customer_id=customer_id, note_id=note_id, **form.cleaned_data
        )
    except DomainError as error:
        note.refresh_from_db()
        # Whoever has read what it says now may save over it.
        fresh = {"seen_edits": note.edits} if isinstance(error, StaleView) else {}
        return _edit_dialog(request, note, _refused(form, error, **fresh), status=422)
    url = reverse("activity:timeline", args=[customer_id])
    return done(request, message=_("Note changed."), next_url=url, events=(CHANGED,))


@requires(Perm.CUSTOMERS_VIEW)
@require_safe
def history(request: HttpRequest, customer_id: int, note_id: int) -> HttpResponse:
    """What a note said before its edits."""
    note = _find(lambda: note_of(customer_id, note_id))
    context = {"note": note, "revisions": note.revisions.all(), **_close(customer_id)}
    return render(request, "activity/note_history.html", context, partial="dialog")


@requires(Perm.NOTES_WRITE)
@require_POST
def pin(request: HttpRequest, customer_id: int, note_id: int) -> HttpResponse:
    """Put a note on top of the timeline."""
    return _pin(request, customer_id, note_id, pinned=True)


@requires(Perm.NOTES_WRITE)
@require_POST
def unpin(request: HttpRequest, customer_id: int, note_id: int) -> HttpResponse:
    """Take a note from the top of the timeline."""
    return _pin(request, customer_id, note_id, pinned=False)


def _pin(request: HttpRequest, customer_id: int, note_id: int, *, pinned: bool) -> HttpResponse:
    _find(
        lambda: pin_note(
            actor=_actor(request), customer_id=customer_id, note_id=note_id, pinned=pinned
        )
    )
    back = "note-unpin" if pinned else "note-pin"
    return done(
        request,
        message=_("Note pinned to the top.") if pinned else _("Note taken off the top."),
        next_url=reverse("activity:timeline", args=[customer_id]),
        events=(CHANGED,),
        undo_url=reverse(f"activity:{back}", args=[customer_id, note_id]),
    )


def _note_form(
    request: HttpRequest, customer_id: int, form: NoteForm, status: int = 200
) -> HttpResponse:
    if not is_fragment(request):
        return show_timeline(request, customer_id, form, status)
    return render_template(request, f"{PANEL}#note_form", {"form": form}, status=status)


def _edit_dialog(
    request: HttpRequest, note: Note, form: NoteEditForm, status: int = 200
) -> HttpResponse:
    context = {"note": note, "form": form, **_close(note.customer_id)}
    return render(request, "activity/note_edit.html", context, partial="dialog", status=status)


def _values_of(note: Note) -> dict[str, Any]:
    return {"channel": note.channel, "body": note.body, "seen_edits": note.edits}


def _close(customer_id: int) -> dict[str, str]:
    return {"close_url": reverse("activity:timeline", args=[customer_id])}


def _refused(form: F, error: DomainError, **fresh: object) -> F:
    """The form with the refusal beside its field; `fresh` values let it be sent again."""
    form.add_error(error.field if error.field in form.fields else None, error.message)
    form.data = {name: form.data.get(name, "") for name in form.fields} | fresh
    return form


def _find(look: Callable[[], Note]) -> Note:
    try:
        return look()
    except NotFound as error:
        raise Http404 from error


def _actor(request: HttpRequest) -> Actor:
    actor: Actor = request.actor  # type: ignore[attr-defined]
    return actor
