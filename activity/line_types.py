"""How this app's own events look on the timeline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from activity.actions.notes import ADDED, EDITED, PINNED, UNPINNED
from activity.models import Event, Note
from activity.timeline import Chip, Extra, Group, Line, LineAction, LineType, register
from loyalty_admin.staff.permissions import Perm

EXCERPT = 160
"""How many characters of a text a line quotes that is not about the text itself."""


def _notes_of(events: Sequence[Event]) -> dict[int, Note]:
    """The notes as they are now, by id."""
    return Note.objects.in_bulk({event.object_id for event in events if event.object_id})


def _added(event: Event, extra: Extra) -> Line:
    note = extra.get(event.object_id)
    return note_line(note) if note else Line(title=_("Note"), body=event.data["body"])


def note_line(note: Note) -> Line:
    """A note as it reads now, with what can be done about it."""
    chips = [Chip(note.get_channel_display())]
    actions = [
        LineAction(_("Edit"), _url("note-edit", note), dialog=True, permission=Perm.NOTES_WRITE)
    ]
    if note.edits:
        chips.append(Chip(_("Edited"), "warn"))
        actions.insert(0, LineAction(_("Earlier texts"), _url("note-history", note), dialog=True))
    if note.pinned:
        unpin = _url("note-unpin", note)
        actions.append(LineAction(_("Unpin"), unpin, "post", permission=Perm.NOTES_WRITE))
    else:
        pin = _url("note-pin", note)
        actions.append(LineAction(_("Pin"), pin, "post", permission=Perm.NOTES_WRITE))
    return Line(title=_("Note"), body=note.body, chips=chips, actions=actions)


def _edited(event: Event, extra: Extra) -> Line:
    before, after = event.data["before"], event.data["after"]
    history = reverse("activity:note-history", args=[event.customer_id, event.object_id])
    return Line(
        title=_("Note edited"),
        body=_quoted(before["body"]) + " → " + _quoted(after["body"]),
        actions=[LineAction(_("Earlier texts"), history, dialog=True)],
    )


def _pinned(event: Event, extra: Extra) -> Line:
    return Line(title=_("Note pinned"), body=_body_in(extra, event))


def _unpinned(event: Event, extra: Extra) -> Line:
    return Line(title=_("Note taken off the top"), body=_body_in(extra, event))


def _body_in(extra: Extra, event: Event) -> str:
    note = extra.get(event.object_id)
    return _quoted(note.body) if note else ""


def _quoted(text: str) -> str:
    short = " ".join(text.split())
    return f"“{short[:EXCERPT]}…”" if len(short) > EXCERPT else f"“{short}”"


def _url(name: str, note: Note) -> str:
    return reverse(f"activity:{name}", args=[note.customer_id, note.pk])


def _note_type(kind: str, label: Any, icon: str, tone: str, render: Any) -> LineType:
    return LineType(kind, Group.NOTES, label, icon, tone, render, context=_notes_of)


def register_all() -> None:
    """Make the timeline know them."""
    register(
        _note_type(ADDED, gettext_lazy("Note"), "notebook-pen", "info", _added),
        _note_type(EDITED, gettext_lazy("Note edited"), "pencil", "", _edited),
        _note_type(PINNED, gettext_lazy("Note pinned"), "pin", "", _pinned),
        _note_type(UNPINNED, gettext_lazy("Note unpinned"), "pin-off", "", _unpinned),
    )
