"""What an agent fills in to give expired units back."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from rewards.forms.fields import new_key


class ReinstateForm(forms.Form):
    """RW-9: why expired units come back; may be left empty."""

    idempotency_key = forms.RegexField(
        r"^form:[\w-]{1,80}$", widget=forms.HiddenInput, initial=new_key
    )
    internal_note = forms.CharField(
        label=_("Internal note"), help_text=_("Staff only."), required=False, max_length=1000
    )
