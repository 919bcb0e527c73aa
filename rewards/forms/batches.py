"""The forms of mass adjustments."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from loyalty_admin.staff.models import ReasonCode
from rewards.actions.mass_adjustments.opening import too_large
from rewards.forms.fields import new_key
from rewards.models import Program


class UploadForm(forms.Form):
    """RW-12: a file of adjustments, and what holds for all of its rows."""

    idempotency_key = forms.RegexField(
        r"^form:[\w-]{1,80}$", widget=forms.HiddenInput, initial=new_key
    )
    program = forms.ModelChoiceField(
        label=_("Program"),
        queryset=Program.objects.filter(status=Program.Status.ACTIVE),
        empty_label=None,
        error_messages={"required": _("Choose a program.")},
    )
    reason = forms.ModelChoiceField(
        label=_("Reason"),
        help_text=_("For rows that name none."),
        queryset=ReasonCode.objects.filter(is_active=True),
        empty_label=_("Each row names its own"),
        required=False,
    )
    counts_for_tier = forms.BooleanField(
        label=_("Counts towards the tier"), required=False, initial=True
    )
    file = forms.FileField(
        label=_("CSV file"),
        help_text=_("UTF-8 or Latin-1, columns separated by commas or semicolons."),
        widget=forms.FileInput(attrs={"accept": ".csv,text/csv"}),
        error_messages={
            "required": _("Choose a file."),
            "empty": _("The file is empty. Begin with the template."),
        },
    )

    def __init__(self, *args: Any, file_too_large: bool = False, **options: Any) -> None:
        """`file_too_large` says that a file was sent and refused for its size."""
        super().__init__(*args, **options)
        if file_too_large:
            self.fields["file"].error_messages["required"] = too_large()


class ApplyForm(forms.Form):
    """Whether to apply a file that was applied before."""

    same_file_again = forms.BooleanField(
        label=_("Apply the same file again"),
        help_text=_("Everybody in it is credited or debited a second time."),
        required=False,
    )
