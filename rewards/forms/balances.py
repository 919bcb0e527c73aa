"""The form of Adjust, and what it shares with that of Spend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from loyalty_admin.staff.models import ReasonCode
from rewards.actions.balances import DEFAULT_COMMENT, MAX_EXPIRY_DAYS
from rewards.forms.fields import UnitsField, new_key
from rewards.selectors.balances import Holding


class BalanceForm(forms.Form):
    """What adjusting and spending share: the program, the key, and what the agent saw."""

    program = forms.TypedChoiceField(label=_("Program"), coerce=int)
    idempotency_key = forms.RegexField(
        r"^form:[\w-]{1,80}$", widget=forms.HiddenInput, initial=new_key
    )
    expected_balance = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        holdings: Sequence[Holding],
        wanted: str = "",
    ) -> None:
        """`holdings` are those of running programs; `wanted` is the id of the one to begin with."""
        self.holdings = holdings
        first = next(
            (h for h in holdings if str(h.program.pk) == wanted), next(iter(holdings), None)
        )
        # With several programs the balance that the agent saw depends on their choice.
        seen = first.balance if first and len(holdings) == 1 else None
        initial = {"program": first.program.pk if first else None, "expected_balance": seen}
        # The page under the dialog has fields of its own.
        super().__init__(data, initial=initial, auto_id="balance_%s")
        choices = [(h.program.pk, f"{h.program} · {h.program.units(h.balance)}") for h in holdings]
        self.fields["program"].choices = choices  # type: ignore[attr-defined]
        if len(holdings) < 2:
            self.fields["program"].widget = forms.HiddenInput()

    def holding(self) -> Holding | None:
        """The holding that the form is about, as chosen or as it begins."""
        chosen = self.data.get("program") if self.is_bound else self.initial["program"]
        return next((h for h in self.holdings if str(h.program.pk) == str(chosen)), None)

    def values(self) -> dict[str, Any]:
        """The input of the action behind the form, once it is valid."""
        values = dict(self.cleaned_data)
        values["program_id"] = values.pop("program")
        return values


class AdjustForm(BalanceForm):
    """RW-4: a credit or a debit by hand."""

    amount = UnitsField(
        signed=True,
        label=_("Amount"),
        help_text=_("+40 adds, −40 takes off."),
        error_messages={"required": _("Enter a whole number such as 40 or −40.")},
    )
    reason = forms.ModelChoiceField(
        label=_("Reason"),
        queryset=ReasonCode.objects.filter(is_active=True),
        empty_label=_("Choose a reason"),
        error_messages={"required": _("Choose a reason.")},
    )
    internal_note = forms.CharField(
        label=_("Internal note"),
        help_text=_("Staff only."),
        required=False,
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    customer_comment = forms.CharField(
        label=_("Comment for the customer"),
        required=False,
        max_length=200,
        initial=DEFAULT_COMMENT,
    )
    expires_in_days = forms.IntegerField(
        label=_("Days until a credit expires"),
        help_text=_("Empty: by the program's rule."),
        required=False,
        min_value=1,
        max_value=MAX_EXPIRY_DAYS,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
    counts_for_tier = forms.BooleanField(
        label=_("Counts towards the tier"), required=False, initial=True
    )

    def values(self) -> dict[str, Any]:
        """The input of `adjust_balance`."""
        values = super().values()
        values["reason_id"] = values.pop("reason").pk
        return values
