"""The form that makes and changes a step of a ladder."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy

from rewards.actions.ladder import says_now
from rewards.forms.fields import UnitsField
from rewards.forms.inputs import AmountField
from rewards.models import Program, Reward, Tier

_l = gettext_lazy


class TierForm(forms.Form):
    """RW-11: what a step asks and what it gives."""

    name = forms.CharField(label=_l("Name"), max_length=40, help_text=_l("Such as Gold."))
    threshold = AmountField(label=_l("Begins at"), places=2, digits=14)
    multiplier = AmountField(
        label=_l("Earning is multiplied by"),
        places=2,
        digits=4,
        initial=Decimal(1),
        help_text=_l("1 is as before, 1.5 half as much again. Rules may leave it out."),
    )
    entry_units = UnitsField(
        signed=False,
        required=False,
        label=_l("Units on arrival"),
        help_text=_l("Given once in a lifetime. Empty: none."),
    )
    entry_reward = forms.ModelChoiceField(
        label=_l("Reward on arrival"),
        queryset=Reward.objects.none(),
        required=False,
        empty_label=_l("None"),
        help_text=_l("Given once in a lifetime."),
    )
    seen = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        program: Program,
        tier: Tier | None = None,
    ) -> None:
        """`tier` is the step that is changed, without it a new one is made."""
        self.program, self.tier = program, tier
        initial = {}
        if tier:
            names = ("name", "threshold", "multiplier", "entry_units")
            initial = {name: getattr(tier, name) for name in names}
            initial |= {"entry_reward": tier.entry_reward_id, "seen": says_now(tier)}
        super().__init__(data, initial=initial, auto_id="tier_%s")
        rewards = Reward.objects.filter(is_active=True).select_related("program")
        self.fields["entry_reward"].queryset = rewards  # type: ignore[attr-defined]
        if program.tier_basis == Program.TierBasis.WINDOW_SPEND:
            self.fields["threshold"].help_text = _l("Money, such as 500.")
        else:
            self.fields["threshold"].help_text = _l("Units, such as 500.")

    def values(self) -> dict[str, Any]:
        """The step as the actions take it, once the form is valid."""
        values = {name: self.cleaned_data[name] for name in ("name", "threshold", "multiplier")}
        reward = self.cleaned_data["entry_reward"]
        values["entry_units"] = self.cleaned_data["entry_units"] or 0
        return values | {"entry_reward_id": reward.pk if reward else None}

    def draft(self) -> Tier:
        """The step as it would be saved, once the form is valid."""
        draft = copy(self.tier) if self.tier else Tier()
        draft.program = self.program
        for name, value in self.values().items():
            setattr(draft, name, value)
        draft.entry_reward = self.cleaned_data["entry_reward"]
        return draft
