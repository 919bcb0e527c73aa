"""The form of an offer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from discounts.actions.offers import MAX_DAYS, MAX_PREFIX, MAX_USES, OfferTerms, says_now
from discounts.models import Offer, ValueKind

_l = gettext_lazy
_AMOUNT = re.compile(r"(\d+|\d{1,3}(?:([.,' ])\d{3})(?:\2\d{3})*)(?:[.,](\d{1,2}))?")
_NUMERIC = {"inputmode": "numeric", "autocomplete": "off"}


class AmountField(forms.Field):
    """A number with at most two decimal places as people write it: 12.50, 12,50 or 1,200."""

    widget = forms.TextInput

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        """A keyboard with digits and a decimal sign."""
        return {"inputmode": "decimal", "autocomplete": "off"}

    def to_python(self, value: str | None) -> Decimal | None:
        """The number; None where nothing was typed. Raises ValidationError with an example."""
        text = re.sub(r"[\u00a0\u202f]", " ", value or "").strip()
        if not text:
            return None
        match = _AMOUNT.fullmatch(text)
        if not match or len(text) > 16:
            raise ValidationError(_("Enter an amount such as 12.50."))
        return Decimal(f"{re.sub(r'[^0-9]', '', match[1])}.{match[3] or '0'}")

    def prepare_value(self, value: object) -> object:
        """A stored amount without the zeros that nobody types."""
        if not isinstance(value, Decimal):
            return value
        return f"{value:.2f}".removesuffix(".00")


class LinesField(forms.CharField):
    """Names, one per line."""

    widget = forms.Textarea

    def to_python(self, value: Any) -> Any:
        """The lines that say something."""
        return [line.strip() for line in (value or "").splitlines() if line.strip()]

    def prepare_value(self, value: Any) -> Any:
        """Stored names as lines."""
        return "\n".join(value) if isinstance(value, list | tuple) else value


class OfferForm(forms.Form):
    """DC-3: what a coupon is worth, on what, how long and how often."""

    name = forms.CharField(label=_l("Name"), max_length=80, help_text=_l("Staff see it."))
    kind = forms.ChoiceField(label=_l("What it takes off"), choices=ValueKind.choices)
    value = AmountField(
        label=_l("Value"),
        required=False,
        help_text=_l("Percent, or an amount of money; nothing for free shipping."),
    )
    currency = forms.CharField(
        label=_l("Currency"),
        min_length=3,
        max_length=3,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters"}),
    )
    value_cap = AmountField(
        label=_l("Takes off at most"), required=False, help_text=_l("For a percentage.")
    )
    minimum_spend = AmountField(label=_l("From a basket of"), required=False)
    categories = LinesField(
        label=_l("Categories"),
        required=False,
        help_text=_l("One per line. Neither categories nor products: on everything."),
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    skus = LinesField(
        label=_l("Products"),
        required=False,
        help_text=_l("One SKU per line."),
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    valid_days = forms.IntegerField(
        label=_l("Days it can be used"),
        min_value=1,
        max_value=MAX_DAYS,
        widget=forms.TextInput(attrs=_NUMERIC),
    )
    usage_limit = forms.IntegerField(
        label=_l("Uses of one code"),
        min_value=1,
        max_value=MAX_USES,
        widget=forms.TextInput(attrs=_NUMERIC),
    )
    prefix = forms.CharField(  # type: ignore[assignment]
        label=_l("Codes begin with"),
        required=False,
        max_length=MAX_PREFIX,
        help_text=_l("Letters A–Z and digits."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters"}),
    )
    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, data: Mapping[str, Any] | None = None, *, offer: Offer | None) -> None:
        """`offer` is the one that is to be changed."""
        initial: dict[str, Any] = {
            "currency": settings.DEFAULT_CURRENCY,
            "valid_days": 90,
            "usage_limit": 1,
        }
        if offer:
            initial = {name: getattr(offer, name) for name in OfferTerms.__dataclass_fields__}
            initial["seen"] = says_now(offer)
            if offer.kind == ValueKind.FREE_SHIPPING:
                initial["value"] = None
        super().__init__(data, initial=initial, auto_id="offer_%s")

    def terms(self) -> OfferTerms | None:
        """What was typed, as the action takes it; None while something is missing or wrong."""
        if not self.is_valid():
            return None
        values = {name: self.cleaned_data[name] for name in OfferTerms.__dataclass_fields__}
        values["currency"] = values["currency"].upper()
        for name in ("value", "minimum_spend"):
            values[name] = values[name] or Decimal(0)
        return OfferTerms(**values)
