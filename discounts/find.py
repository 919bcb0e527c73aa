"""Find anything knows discount codes: case-blind, and with or without their dashes."""

from __future__ import annotations

from django.urls import reverse
from django.utils.translation import gettext as _

from customers.find import Found, Source, register_source
from customers.search import Query
from discounts.actions.codes import spellings_of
from discounts.models import DiscountCode
from discounts.selectors import code_by_text, worth
from loyalty_admin.staff.permissions import Perm

TONES = {DiscountCode.Status.AVAILABLE: "ok", DiscountCode.Status.VOIDED: "bad"}


def find_codes(query: Query) -> list[Found]:
    """The code that was typed, at the page of the customer whose it is."""
    return [
        _found(code) for code in code_by_text(spellings_of(query.text)) if code.customer is not None
    ]


def _found(code: DiscountCode) -> Found:
    return Found(
        url=reverse("customers:profile", args=[code.customer_id]),
        title=_("Code %(code)s") % {"code": code.code},
        detail=str(code.customer),
        icon="ticket-percent",
        chip_label=code.get_status_display(),
        chip_tone=TONES.get(DiscountCode.Status(code.status), ""),
        value=worth(code.kind, code.value, code.currency),
    )


def register_own() -> None:
    """The source of this app."""
    register_source(Source("codes", Perm.CUSTOMERS_VIEW, find_codes, order=30))
