"""Forms of notes and the filters of the audit log."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from django import forms
from django.utils.translation import gettext_lazy as _

from activity.actions.notes import MAX_LENGTH
from activity.models import Note


class NoteForm(forms.Form):
    """A new note: how the customer got in touch, and what was said."""

    channel = forms.ChoiceField(
        label=_("How the customer got in touch"),
        choices=Note.Channel.choices,
        initial=Note.Channel.PHONE,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose how the customer got in touch.")},
    )
    body = forms.CharField(
        label=_("Note"),
        max_length=MAX_LENGTH,
        error_messages={"required": _("Write what the customer said or what you did.")},
        widget=forms.Textarea(
            attrs={"rows": 2, "placeholder": _("What did the customer say, what did you do?")}
        ),
    )
    idempotency_key = forms.CharField(
        widget=forms.HiddenInput, max_length=200, initial=lambda: str(uuid4())
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # Its ids must not be those of a form in a dialog above it.
        super().__init__(*args, **{"auto_id": "note_%s", **kwargs})


class NoteEditForm(forms.Form):
    """An edit of a note; remembers which text the person had before them."""

    channel = forms.ChoiceField(
        label=_("How the customer got in touch"),
        choices=Note.Channel.choices,
        widget=forms.RadioSelect,
    )
    body = forms.CharField(
        label=_("Note"),
        max_length=MAX_LENGTH,
        error_messages={"required": _("Write what the customer said or what you did.")},
        widget=forms.Textarea(attrs={"rows": 5}),
    )
    seen_edits = forms.IntegerField(widget=forms.HiddenInput, min_value=0)
