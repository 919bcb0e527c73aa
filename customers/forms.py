"""What is asked of orders."""

from __future__ import annotations

from django import forms
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
