"""What people fill in about redemptions."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from rewards.models import Redemption


class CancelForm(forms.Form):
    """RW-7: why a redemption is cancelled; may be left empty."""

    reason = forms.CharField(
        label=_("Reason"), help_text=_("Staff only."), required=False, max_length=200
    )


class RemoveForm(forms.Form):
    """RW-6: why a reward is taken away."""

    reason = forms.CharField(
        label=_("Reason"),
        help_text=_("Staff only."),
        max_length=200,
        error_messages={"required": _("Say why it is taken away.")},
    )


class RedemptionSearchForm(forms.Form):
    """RW-7: which redemptions."""

    q = forms.CharField(required=False, max_length=200)
    status = forms.ChoiceField(
        label=_("Status"),
        required=False,
        choices=[("", _("All")), *Redemption.Status.choices],
    )
