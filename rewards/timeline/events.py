"""How what customers did beside buying looks on the timeline."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from activity.models import Event
from activity.timeline import Chip, Extra, Group, Line, LineType, register
from loyalty_admin.common.templatetags.ui import date_in_words, units
from rewards.actions.events import EARNED
from rewards.models import EarningRuleVersion

Trigger = EarningRuleVersion.Trigger

WHY = {
    Trigger.SIGN_UP: gettext_lazy("For joining the programme"),
    Trigger.NEWSLETTER: gettext_lazy("For subscribing to the newsletter"),
    Trigger.REVIEW: gettext_lazy("For a review"),
    Trigger.REFERRAL: gettext_lazy("For bringing a friend"),
    Trigger.BIRTHDAY: gettext_lazy("For their birthday"),
}
NAMED = (Trigger.REVIEW, Trigger.REFERRAL)
"""Whose reference means something to a reader."""


def _earned(event: Event, extra: Extra) -> Line:
    data = event.data
    sums = ", ".join(f"{units(one['units'])} {one['unit_name']}" for one in data["earned"])
    body = str(WHY.get(data["trigger"], ""))
    if data["trigger"] in NAMED and data["reference"]:
        body = f"{body} · {data['reference']}"
    program = data["earned"][0]["program_id"]
    href = f"{reverse('rewards:points', args=[event.customer_id])}?program={program}"
    title = _("Earned %(units)s") % {"units": sums}
    return Line(title=title, body=body, chips=list(_pending(data)), href=href)


def _pending(data: Mapping[str, Any]) -> Iterator[Chip]:
    for one in data["earned"]:
        until = parse_datetime(one["pending_until"]) if one["pending_until"] else None
        if until and until > timezone.now():
            yield Chip(_("Pending until %(day)s") % {"day": date_in_words(until)})


def register_all() -> None:
    """Make the timeline know them."""
    label = gettext_lazy("Earned")
    register(LineType(EARNED, Group.EARNINGS, label, "sparkles", "ok", _earned))
