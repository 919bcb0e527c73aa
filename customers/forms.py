"""What is asked of orders and customers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast
from uuid import uuid4

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from loyalty_admin.staff.models import Store


class OrderSearchForm(forms.Form):
    """An order number as printed on the receipt, and the store it is from."""

    number = forms.CharField(label=_("Order number"), required=False, max_length=60)
    store = forms.ModelChoiceField(
        label=_("Store"), required=False, queryset=Store.objects.all(), empty_label=_("All stores")
    )

    def clean_number(self) -> str:
        """The number without the # that receipts print before it."""
        return str(self.cleaned_data["number"]).removeprefix("#").strip()


class ClaimSearchForm(forms.Form):
    """CU-6: the order that a customer claims, as its receipt names it."""

    number = forms.CharField(
        label=_("Order number"),
        max_length=60,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autofocus": True}),
        error_messages={"required": _("Enter the number on the receipt.")},
    )
    store = forms.ModelChoiceField(
        label=_("Store"), required=False, queryset=Store.objects.all(), widget=forms.HiddenInput
    )

    def __init__(self, data: Mapping[str, Any] | None = None) -> None:
        # The page under the dialog has fields of its own.
        super().__init__(data, auto_id="claim_%s")

    def clean_number(self) -> str:
        """The number without the # that receipts print before it."""
        return str(self.cleaned_data["number"]).removeprefix("#").strip()

    def clean(self) -> None:
        """Let a store that is not one be chosen anew."""
        if "store" in self.errors:
            self._show_stores(Store.objects.all())

    def ask_for_store(self, stores: QuerySet[Store]) -> None:
        """Several stores have an order with the number: one of them is meant."""
        self._show_stores(stores)
        self.add_error("store", _("Several stores have an order with this number; choose one."))

    def _show_stores(self, stores: QuerySet[Store]) -> None:
        field = cast("forms.ModelChoiceField[Store]", self.fields["store"])
        field.widget, field.empty_label = forms.Select(), str(_("Choose a store"))
        field.queryset = stores


class ClaimForm(forms.Form):
    """CU-6: the claim of the order that was shown."""

    order = forms.IntegerField(widget=forms.HiddenInput, min_value=1)
    idempotency_key = forms.RegexField(
        r"^form:[\w-]{1,80}$", widget=forms.HiddenInput, initial=lambda: f"form:{uuid4()}"
    )


class EnrolForm(forms.Form):
    """CU-7: what may be known of somebody who joins."""

    birth_date = forms.DateField(
        label=_("Birth date"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        input_formats=["%Y-%m-%d"],
        error_messages={"invalid": _("Enter a date such as 1985-03-31.")},
    )


class RemoveForm(forms.Form):
    """CU-7: why somebody is taken out of the programme."""

    reason = forms.CharField(
        label=_("Reason"), required=False, max_length=200, help_text=_("Staff only.")
    )
