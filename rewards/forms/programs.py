"""The forms that make and change a program."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from loyalty_admin.common.money import known_currencies
from rewards.actions.programs import HOW_IT_BEHAVES, MOST_ON_A_CARD, says_now
from rewards.forms.inputs import AmountField, DaysField
from rewards.models import Program, Reward

_l = gettext_lazy

NAMES = {
    Program.Kind.POINTS: ("point", "points"),
    Program.Kind.STAMPS: ("stamp", "stamps"),
}
"""What units are called where nobody says otherwise."""


class ProgramForm(forms.Form):
    """RW-1: what a program is and how its units behave; what does not apply is left alone."""

    name = forms.CharField(label=_l("Name"), max_length=80, help_text=_l("Such as Club points."))
    unit_singular = forms.CharField(
        label=_l("One unit is called"),
        max_length=40,
        required=False,
        help_text=_l("Such as point."),
    )
    unit_plural = forms.CharField(
        label=_l("Several are called"),
        max_length=40,
        required=False,
        help_text=_l("Such as points."),
    )
    unit_value = AmountField(
        label=_l("A unit is worth"),
        places=4,
        help_text=_l("In money, such as 0.01. Costs and liability are counted by it."),
    )
    currency = forms.CharField(label=_l("Currency"), help_text=_l("ISO 4217, such as EUR."))
    rounding = forms.ChoiceField(
        label=_l("Parts of a unit are rounded"),
        choices=Program.Rounding.choices,
        initial=Program.Rounding.DOWN,
        help_text=_l("1 point for each €1.00 of €9.90 is 9 points rounded down, 10 rounded up."),
    )
    pending_days = DaysField(
        label=_l("Days until they can be spent"),
        initial=0,
        help_text=_l("0: at once. 14 covers the time in which orders come back."),
    )
    expiry = forms.ChoiceField(label=_l("Units expire"), choices=Program.Expiry.choices)
    expiry_days = DaysField(
        label=_l("After how many days"), required=False, help_text=_l("Such as 365.")
    )
    warning_days = DaysField(
        label=_l("Warn the customer"),
        initial=30,
        help_text=_l("Days before they expire; 0 for no warning."),
    )
    reinstate_days = DaysField(
        label=_l("Agents may give expired units back for"),
        initial=60,
        help_text=_l("Days after they expired; 0 for never."),
    )
    grace_days = DaysField(
        label=_l("What comes back expired stays for"),
        initial=30,
        help_text=_l("Days, such as after a cancelled redemption."),
    )
    clawback_below_zero = forms.BooleanField(
        label=_l("A refund may leave a customer owing units"),
        required=False,
        help_text=_l("Otherwise it takes what is there and the shortfall is noted."),
    )
    card_size = DaysField(
        label=_l("Stamps on a card"),
        least=1,
        max_value=MOST_ON_A_CARD,
        required=False,
        help_text=_l("A full card gives its reward, and the next begins."),
    )
    card_reward = forms.ModelChoiceField(
        label=_l("A full card gives"),
        queryset=Reward.objects.none(),
        required=False,
        empty_label=_l("Nothing yet"),
        help_text=_l("An active reward of this program."),
    )
    tier_basis = forms.ChoiceField(
        label=_l("Tiers count"),
        choices=Program.TierBasis.choices,
        initial=Program.TierBasis.NONE,
        help_text=_l("The tiers themselves are set up on the program's page."),
    )
    tier_window_days = DaysField(
        label=_l("The last days that count"), least=1, initial=365, required=False
    )
    tier_grace_days = DaysField(
        label=_l("Who has too little keeps the tier for"),
        initial=30,
        required=False,
        help_text=_l("Days."),
    )
    seen = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(
        self, data: Mapping[str, Any] | None = None, *, program: Program | None = None
    ) -> None:
        """`program` is the one that is changed, without it a new one is made."""
        self.program = program
        initial: dict[str, Any] = {"currency": settings.DEFAULT_CURRENCY}
        if program:
            initial = {name: getattr(program, name) for name in HOW_IT_BEHAVES}
            initial |= {"seen": says_now(program), "card_reward": program.card_reward_id}
        super().__init__(data, initial=initial)
        if program:
            rewards = Reward.objects.filter(program=program, is_active=True)
            self.fields["card_reward"].queryset = rewards  # type: ignore[attr-defined]

    @property
    def kind_of_units(self) -> str:
        """Points or stamps, as chosen."""
        if self.program:
            return self.program.kind
        return str(self.cleaned_data.get("kind", "")) if self.is_bound else ""

    def clean_currency(self) -> str:
        """An ISO 4217 code, however it was typed."""
        code = str(self.cleaned_data["currency"]).strip().upper()
        if code not in known_currencies():
            raise forms.ValidationError(_("Enter an ISO 4217 code such as EUR."))
        return code

    def clean(self) -> dict[str, Any]:
        """What does not apply stays as it is, whatever was typed there."""
        values = self.cleaned_data
        for name in self._left_alone():
            self.errors.pop(name, None)
            values[name] = self._as_it_is(name)
        singular, plural = NAMES[Program.Kind(self.kind_of_units or Program.Kind.POINTS)]
        values["unit_singular"] = values.get("unit_singular") or singular
        values["unit_plural"] = values.get("unit_plural") or plural
        for name, missing in (
            ("expiry_days", _("Say after how many days, such as 365.")),
            ("card_size", _("Say how many stamps fill a card, such as 10.")),
            ("tier_window_days", _("Say how many days count, such as 365.")),
        ):
            applies = name not in self._left_alone() and name not in self.errors
            if applies and not values.get(name):
                self.add_error(name, missing)
        if values.get("tier_grace_days") is None:
            values["tier_grace_days"] = 0
        return values

    def _left_alone(self) -> set[str]:
        values, names = self.cleaned_data, set()
        if values.get("expiry") == Program.Expiry.NEVER:
            names |= {"expiry_days", "warning_days", "reinstate_days"}
        if self.kind_of_units != Program.Kind.STAMPS:
            names |= {"card_size", "card_reward"}
        basis = values.get("tier_basis")
        if basis == Program.TierBasis.NONE:
            names |= {"tier_window_days", "tier_grace_days"}
        elif basis == Program.TierBasis.LIFETIME_UNITS:
            names.add("tier_window_days")
        return names

    def _as_it_is(self, name: str) -> Any:
        if self.program:
            return getattr(self.program, name)
        return getattr(Program(), name)

    def behaviour(self) -> dict[str, Any]:
        """How the units behave, as the actions take it, once the form is valid."""
        return {name: self.cleaned_data[name] for name in HOW_IT_BEHAVES if name != "status"}

    def draft(self) -> Program:
        """The program as it would be saved, once the form is valid."""
        draft = copy(self.program) if self.program else Program(kind=self.kind_of_units)
        for name, value in self.behaviour().items():
            setattr(draft, name, value)
        return draft


class NewProgramForm(ProgramForm):
    """A new program: what can never be changed of it comes first."""

    kind = forms.ChoiceField(
        label=_l("Kind"),
        choices=Program.Kind.choices,
        initial=Program.Kind.POINTS,
        widget=forms.RadioSelect,
        help_text=_l("Points add up and are spent. Stamps fill cards. The kind is for good."),
    )
    code = forms.SlugField(
        label=_l("Code"),
        max_length=40,
        help_text=_l("A short name for files and the API, such as club-points. It is for good."),
        error_messages={"invalid": _l("Use letters, digits and hyphens, such as club-points.")},
    )
    field_order = ("kind", "name", "code")
