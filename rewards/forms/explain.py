"""The form of the explanation."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from rewards.models import Program


class ExplainForm(forms.Form):
    """RW-14: which balance, on which day."""

    program = forms.ModelChoiceField(
        label=_("Program"),
        queryset=Program.objects.exclude(status=Program.Status.DRAFT),
        empty_label=None,
    )
    on = forms.DateField(
        label=_("On"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        input_formats=["%Y-%m-%d"],
        error_messages={"invalid": _("Enter a date such as 2026-03-31.")},
    )
