"""What the forms of this app are made of."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from loyalty_admin.common.templatetags.ui import units
from rewards.actions.moving import MAX_UNITS

_WHOLE = re.compile(r"([+-]?)(\d+|\d{1,3}(?:[.,' ]\d{3})+)")


def new_key() -> str:
    """An idempotency key for a form that is about to be filled in."""
    return f"form:{uuid4()}"


class UnitsField(forms.Field):
    """Whole units as people write them: 40, +40, −40, 1,000 or 1.000."""

    widget = forms.TextInput
    signed = False

    def __init__(self, *, signed: bool, **options: Any) -> None:
        super().__init__(**options)
        self.signed = signed
        self.widget.attrs |= {"inputmode": "text" if signed else "numeric", "autocomplete": "off"}

    def to_python(self, value: str | None) -> int | None:
        """The number. Raises ValidationError with an example of what would be right."""
        if not value or not value.strip():
            return None
        text = re.sub(r"[\u2212\u2013]", "-", re.sub(r"[\u00a0\u202f]", " ", value.strip()))
        match = _WHOLE.fullmatch(text)
        if not match or len(text) > 20 or (match[1] and not self.signed):
            example = _("Enter a whole number such as 40 or −40.")
            raise ValidationError(example if self.signed else _("Enter a whole number such as 40."))
        number = int(match[1] + re.sub(r"\D", "", match[2]))
        if abs(number) > MAX_UNITS:
            most = {"most": units(MAX_UNITS)}
            raise ValidationError(_("Enter a whole number, at most %(most)s."), params=most)
        return number
