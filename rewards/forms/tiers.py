"""The form of Change tier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from rewards.actions.tiers.changing import Wish
from rewards.forms.fields import new_key
from rewards.models import Program, Tier
from rewards.selectors.tiers import Place
from rewards.selectors.words import threshold_in_words, tier_gives_in_words

NONE = 0
"""How a choice names standing on no step."""


class TierForm(forms.Form):
    """RW-11: another tier, until when, why, and with its rewards or without.

    A choice is `program:tier`. `seen` says on which membership of each program the agent saw
    the customer, as `program:membership` with a space between.
    """

    tier = forms.ChoiceField(
        label=_l("Tier"),
        widget=forms.RadioSelect,
        error_messages={"required": _l("Choose a tier.")},
    )
    until = forms.DateField(
        label=_l("Until"),
        help_text=_l("Empty: for good."),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        input_formats=["%Y-%m-%d"],
        error_messages={"invalid": _l("Enter a date such as 2026-12-31.")},
    )
    internal_note = forms.CharField(
        label=_l("Internal note"),
        help_text=_l("Staff only."),
        required=False,
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    trigger_rewards = forms.BooleanField(
        label=_l("Give the rewards of the tier"),
        help_text=_l("Each tier gives them once in a lifetime."),
        required=False,
    )
    idempotency_key = forms.RegexField(
        r"^form:[\w-]{1,80}$", widget=forms.HiddenInput, initial=new_key
    )
    seen = forms.CharField(widget=forms.HiddenInput, required=False, max_length=1000)

    def __init__(self, data: Mapping[str, Any] | None = None, *, places: Sequence[Place]) -> None:
        self.places = places
        initial = {"seen": seen_in(places)}
        # The page under the dialog has fields of its own.
        super().__init__(data, initial=initial, auto_id="tier_%s")
        self.fields["tier"].choices = list(_choices(places))  # type: ignore[attr-defined]

    def clean_until(self) -> date | None:
        """A day that is not over yet."""
        day: date | None = self.cleaned_data["until"]
        if day and day < timezone.localdate():
            raise forms.ValidationError(_("Choose a day in the future, or none."))
        if day and day.year > timezone.localdate().year + 100:
            raise forms.ValidationError(_("Choose a day within a hundred years."))
        return day

    def chosen(self) -> tuple[Place, Wish] | None:
        """Where the customer stands and what is wished, as far as the form is filled in."""
        values = self.cleaned_data
        if "tier" not in values or "until" not in values:
            return None
        program, tier = (int(part) for part in values["tier"].split(":"))
        place = next(place for place in self.places if place.program.pk == program)
        return place, Wish(
            program_id=program,
            tier_id=tier or None,
            until=_end_of(values["until"]),
            internal_note=values.get("internal_note", ""),
            trigger_rewards=values.get("trigger_rewards", False),
            seen=_seen(values.get("seen", "")).get(program),
        )


def seen_in(places: Sequence[Place]) -> str:
    """What the hidden field says of where somebody stands."""
    return " ".join(
        f"{place.program.pk}:{place.standing.membership_id or NONE}" for place in places
    )


def _seen(text: str) -> dict[int, int]:
    pairs = [part.split(":") for part in text.split()]
    return {
        int(pair[0]): int(pair[1])
        for pair in pairs
        if len(pair) == 2 and all(part.isdecimal() and len(part) < 20 for part in pair)
    }


def _end_of(day: date | None) -> datetime | None:
    """Midnight after the day, where the store is."""
    if day is None:
        return None
    return datetime.combine(day + timedelta(days=1), time.min, timezone.get_current_timezone())


def _choices(places: Sequence[Place]) -> list[tuple[str, str]]:
    return [
        (f"{place.program.pk}:{tier.pk if tier else NONE}", label)
        for place in places
        for tier, label in _steps(place, several=len(places) > 1)
    ]


def _steps(place: Place, *, several: bool) -> list[tuple[Tier | None, str]]:
    program = place.program
    steps: list[tuple[Tier | None, str]] = [
        (tier, _label(program, tier, here=tier == place.tier))
        for tier in place.ladder
        if tier.is_active
    ]
    if place.tier:
        steps.insert(0, (None, _("No tier")))
    return [
        (tier, format_html("{}: {}", program, label) if several else label) for tier, label in steps
    ]


def _label(program: Program, tier: Tier, *, here: bool) -> SafeString:
    asks = _("from %s on") % threshold_in_words(program, tier.threshold)
    said = [asks, tier_gives_in_words(tier), *([_("stands here now")] if here else [])]
    return format_html("<strong>{}</strong> · {}", tier.name, " · ".join(said))
