"""The form of Spend: a reward, or units that were used at the counter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from rewards.forms.balances import BalanceForm
from rewards.forms.fields import UnitsField
from rewards.selectors.balances import Holding
from rewards.selectors.offered import Offered

COUNTER = "counter"
"""What is chosen instead of a reward: units used at the counter."""


class SpendForm(BalanceForm):
    """RW-5: what units of one program are spent on.

    The fields under `reward` are those of the counter, and of no interest for a reward.
    """

    reward = forms.ChoiceField(
        label=_("What for"),
        required=False,
        widget=forms.RadioSelect,
        error_messages={"invalid_choice": _("This reward is not offered. Choose another one.")},
    )
    amount = UnitsField(signed=False, label=_("Amount"), required=False)
    reference = forms.CharField(
        label=_("Receipt or order"),
        required=False,
        max_length=80,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    internal_note = forms.CharField(
        label=_("Internal note"),
        help_text=_("Staff only."),
        required=False,
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    customer_comment = forms.CharField(
        label=_("Comment for the customer"), required=False, max_length=200
    )

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        holdings: Sequence[Holding],
        wanted: str = "",
    ) -> None:
        """The form of one program, `wanted` or the first of the holdings."""
        super().__init__(data, holdings=holdings, wanted=wanted)
        self.fields["program"].widget = forms.HiddenInput()
        if holding := self.holding():
            self.initial["expected_balance"] = holding.balance
        self.offered: Sequence[Offered] = ()

    def offer(self, offered: Sequence[Offered], wanted: str = "") -> None:
        """Let one of these rewards be chosen; `wanted` is the id of the one to begin with.

        Also those that can't be had: who sends one is told why.
        """
        self.offered = offered
        choices = [(str(each.reward.pk), each.reward.name) for each in offered]
        self.fields["reward"].choices = [*choices, (COUNTER, "")]  # type: ignore[attr-defined]
        can_be_had = [str(each.reward.pk) for each in offered if not each.obstacle]
        self.initial["reward"] = wanted if wanted in can_be_had else ""
        if not can_be_had:
            self.initial["reward"] = COUNTER

    @property
    def chosen(self) -> str:
        """The id of the chosen reward, the counter, or "" as long as nothing is chosen."""
        sent = self.data.get("reward") if self.is_bound else self.initial.get("reward")
        return str(sent or "")

    @property
    def chosen_reward(self) -> Offered | None:
        """The chosen reward, if it is one."""
        return next((each for each in self.offered if str(each.reward.pk) == self.chosen), None)

    def clean(self) -> dict[str, Any]:
        """Ask for what the choice needs, and for nothing else."""
        values = super().clean() or {}
        if self.chosen_reward:
            for name in ("amount", "reference", "internal_note", "customer_comment"):
                self.errors.pop(name, None)
        elif values.get("amount") is None and not self.errors:
            if self.chosen == COUNTER or not self.offered:
                self.add_error("amount", _now("Enter a whole number such as 40."))
            else:
                self.add_error("reward", _now("Choose a reward, or “Used at the counter”."))
        return values

    def values(self) -> dict[str, Any]:
        """The input of `redeem_reward` or of `debit_balance`."""
        values = super().values()
        reward = values.pop("reward")
        if not self.chosen_reward:
            return values
        names = ("idempotency_key", "expected_balance")
        return {"reward_id": int(reward)} | {name: values[name] for name in names}
