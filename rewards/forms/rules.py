"""The form that makes an earning rule or a new version of one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from loyalty_admin.staff.models import Store
from rewards.actions.rule_terms import NOWHERE, RuleTerms
from rewards.forms.fields import UnitsField
from rewards.forms.inputs import AmountField, ListField, MomentField
from rewards.models import EarningRule, EarningRuleVersion, Program
from rewards.selectors.programs import newest_version

_l = gettext_lazy

Trigger, Measure = EarningRuleVersion.Trigger, EarningRuleVersion.Measure
TERMS = tuple(RuleTerms.__dataclass_fields__)
OF_ORDERS: dict[str, Any] = {
    "measure": Measure.ORDER, "per": Decimal(1), "categories": [], "skus": [],
    "cap_per_order": None,
}  # fmt: skip
"""What only an order has, and what it is for everything else."""
OF_PLACES: dict[str, Any] = {"stores": [], "channels": []}


class RuleForm(forms.Form):
    """RW-2: what earns how much, where and when; what does not apply is not asked."""

    name = forms.CharField(
        label=_l("Name"),
        max_length=120,
        help_text=_l("Staff see it beside what it earned, such as Double points on coffee."),
    )
    trigger = forms.ChoiceField(
        label=_l("What earns"), choices=Trigger.choices, initial=Trigger.ORDER
    )
    units = UnitsField(
        signed=False,
        label=_l("How many units"),
        error_messages={"required": _l("Enter a whole number such as 1.")},
    )
    measure = forms.ChoiceField(
        label=_l("For each"),
        choices=(
            (Measure.AMOUNT, _l("Amount of money")),
            (Measure.ITEMS, _l("Number of items")),
            (Measure.ORDER, _l("Order")),
        ),
        initial=Measure.AMOUNT,
        widget=forms.RadioSelect,
    )
    per = AmountField(
        label=_l("Amount or number"),
        places=2,
        required=False,
        initial=Decimal(1),
        help_text=_l("1 unit for each 1.00 spent, or 1 stamp for each 1 item."),
    )
    currency = forms.ChoiceField(
        label=_l("Orders in"), help_text=_l("Orders in other currencies earn nothing by it.")
    )
    categories = ListField(
        longest=80,
        label=_l("Categories"),
        help_text=_l("With commas between them, such as COFFEE, TEA. Empty: all of them."),
    )
    skus = ListField(
        longest=60,
        label=_l("Products"),
        help_text=_l("Article numbers with commas between them. Empty: all of them."),
    )
    stores = forms.MultipleChoiceField(
        label=_l("Stores"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_l("None chosen: all of them."),
    )
    channels = forms.MultipleChoiceField(
        label=_l("Channels"),
        required=False,
        choices=Store.Kind.choices,
        widget=forms.CheckboxSelectMultiple,
        help_text=_l("None chosen: all of them."),
    )
    starts_at = MomentField(label=_l("From"), help_text=_l("Empty: from the beginning."))
    ends_at = MomentField(label=_l("Until"), help_text=_l("Empty: without an end."))
    multiplied_by_tier = forms.BooleanField(
        label=_l("Times the multiplier of the customer's tier"), required=False, initial=True
    )
    cap_per_order = UnitsField(signed=False, required=False, label=_l("At most per order"))
    cap_per_day = UnitsField(signed=False, required=False, label=_l("At most per day"))
    cap_per_customer = UnitsField(
        signed=False, required=False, label=_l("At most per customer, ever")
    )
    effective_from = MomentField(
        label=_l("Holds from"),
        help_text=_l("Empty: from now on. Older orders keep what they earned."),
    )
    seen_number = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        program: Program,
        rule: EarningRule | None = None,
    ) -> None:
        """`rule` is the one that gets a new version, without it a new one is made."""
        self.program, self.rule = program, rule
        self.newest = newest_version(rule) if rule else None
        super().__init__(data, initial=self._initial())
        stores = list(Store.objects.order_by("name"))
        chosen = set(self.newest.stores) if self.newest else set()
        self._choose(
            "stores", [(s.code, s.name) for s in stores if s.is_active or s.code in chosen]
        )
        currencies = {program.currency, *(s.currency for s in stores)}
        if self.newest:
            currencies.add(self.newest.currency)
            del self.fields["name"], self.fields["trigger"]
        else:
            del self.fields["effective_from"]
        for name in ("categories", "skus"):
            self.fields[name].widget.attrs["list"] = f"known-{name}"
        self._choose("currency", [(code, code) for code in sorted(currencies)])

    def _initial(self) -> dict[str, Any]:
        if self.newest:
            said = {name: getattr(self.newest, name) for name in TERMS}
            return said | {"seen_number": self.newest.number}
        initial: dict[str, Any] = {"currency": self.program.currency}
        if self.program.kind == Program.Kind.STAMPS:
            initial["measure"] = Measure.ITEMS
        return initial

    def _choose(self, name: str, choices: list[tuple[str, str]]) -> None:
        self.fields[name].choices = choices  # type: ignore[attr-defined]

    @property
    def set_off_by(self) -> str:
        """What earns: of a rule that exists it is for good."""
        if self.newest:
            return self.newest.trigger
        return str(self.cleaned_data.get("trigger", ""))

    def clean_effective_from(self) -> Any:
        """A moment that has not passed: what was earned stays as it is."""
        moment = self.cleaned_data["effective_from"]
        if moment and moment < timezone.now() - timedelta(minutes=5):
            raise forms.ValidationError(_("Choose a moment to come, or leave it empty for now."))
        return moment

    def clean(self) -> dict[str, Any]:
        """What does not apply is left out, whatever was typed there."""
        values = self.cleaned_data
        if self.set_off_by != Trigger.ORDER:
            self._leave_out(OF_ORDERS)
        if self.set_off_by in NOWHERE:
            self._leave_out(OF_PLACES)
        if values.get("measure") == Measure.ORDER:
            self._leave_out({"per": Decimal(1)})
        elif "per" not in self.errors and values.get("per") is None:
            self.add_error("per", _("Enter a number such as 1 or 1.50."))
        return values

    def _leave_out(self, neutral: Mapping[str, Any]) -> None:
        for name, value in neutral.items():
            self.errors.pop(name, None)
            self.cleaned_data[name] = value

    def terms(self) -> RuleTerms:
        """What the rule is to say, once the form is valid."""
        values = self.cleaned_data | {"trigger": self.set_off_by}
        return RuleTerms(**{name: values[name] for name in TERMS})
