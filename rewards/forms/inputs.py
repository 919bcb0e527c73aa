"""Inputs of the screens that configure: amounts, lists, days and moments as people write them."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

_AMOUNT = re.compile(r"(\d+)(?:[.,](\d+))?")
_AROUND = re.compile(r"^[€$£¥]|[€$£¥]$")
_BETWEEN = re.compile(r"[,;\n]")
MOST_IN_A_LIST = 200
MOST_DAYS = 3650


class AmountField(forms.Field):
    """A decimal as people write it, with a point or a comma: 1, 1.50, 1,50 or €1.50."""

    widget = forms.TextInput

    def __init__(self, *, places: int, digits: int = 12, **options: Any) -> None:
        super().__init__(**options)
        self.places, self.digits = places, digits
        self.widget.attrs |= {"inputmode": "decimal", "autocomplete": "off"}

    def prepare_value(self, value: Any) -> Any:
        """A stored number without the noughts at its end."""
        return f"{value.normalize():f}" if isinstance(value, Decimal) else value

    def to_python(self, value: Any) -> Decimal | None:
        """The number. Raises ValidationError with an example of what would be right."""
        text = _AROUND.sub("", re.sub(r"\s", "", str(value or "")))
        if not text:
            return None
        match = _AMOUNT.fullmatch(text)
        if not match or not text.isascii():
            raise ValidationError(_("Enter a number such as 1 or 1.50."))
        whole, part = match[1], match[2] or ""
        if len(part) == 3 and self.places < 3:
            raise ValidationError(
                _("Thousand or thousandth? Enter %(one)s or %(other)s."),
                params={"one": f"{whole}{part}", "other": f"{whole}.{part[:2]}"},
            )
        if len(part) > self.places:
            raise ValidationError(
                _("Enter at most %(places)s decimal places."), params={"places": self.places}
            )
        if len(whole) > self.digits - self.places:
            raise ValidationError(_("This number is too large."))
        return Decimal(f"{whole}.{part or 0}")


class ListField(forms.Field):
    """Several words in one line, with commas between them; each counts once."""

    widget = forms.TextInput

    def __init__(self, *, longest: int, **options: Any) -> None:
        super().__init__(required=False, **options)
        self.longest = longest
        self.widget.attrs |= {"autocomplete": "off", "autocapitalize": "off"}

    def prepare_value(self, value: Any) -> Any:
        """A stored list as it is typed."""
        return ", ".join(value) if isinstance(value, list | tuple) else value

    def to_python(self, value: Any) -> list[str]:
        """The words. Raises ValidationError for one that is too long."""
        words = list(dict.fromkeys(filter(None, map(str.strip, _BETWEEN.split(value or "")))))
        if long := next((word for word in words if len(word) > self.longest), ""):
            raise ValidationError(
                _("“%(word)s…” is too long; put commas between them, as in COFFEE, TEA."),
                params={"word": long[:20]},
            )
        if len(words) > MOST_IN_A_LIST:
            raise ValidationError(_("Enter at most %(most)s."), params={"most": MOST_IN_A_LIST})
        if "\x00" in str(value):
            raise ValidationError(_("Enter ordinary characters."))
        return words


class MomentField(forms.DateTimeField):
    """A day and a time in the store's time zone."""

    def __init__(self, **options: Any) -> None:
        widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
        wrong = {"invalid": gettext_lazy("Enter a day and time such as 2026-12-01 09:00.")}
        super().__init__(required=False, widget=widget, error_messages=wrong, **options)


class DaysField(forms.IntegerField):
    """A number of days."""

    def __init__(self, *, least: int = 0, **options: Any) -> None:
        widget = forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"})
        options.setdefault("max_value", MOST_DAYS)
        super().__init__(min_value=least, widget=widget, **options)
        self.error_messages["invalid"] = gettext_lazy("Enter a whole number such as 30.")
