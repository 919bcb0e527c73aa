"""How changes of tier look on the timeline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from activity.models import Event
from activity.timeline import Extra, Group, Line, LineAction, LineType, register
from loyalty_admin.common.templatetags.ui import money, units
from loyalty_admin.staff.permissions import Perm
from rewards.actions.tiers.stepping import CHANGED, Why
from rewards.models import Program, TierMembership
from rewards.selectors.tier_words import last_day
from rewards.selectors.words import number


@dataclass(frozen=True, slots=True)
class Latest:
    """The latest membership of a customer in a program, and whether it is open."""

    pk: int
    is_open: bool


def _latest(events: Sequence[Event]) -> dict[tuple[int, int], Latest]:
    rows = (
        TierMembership.objects.filter(customer_id__in={event.customer_id for event in events})
        .order_by("customer_id", "program_id", "-since", "-pk")
        .distinct("customer_id", "program_id")
        .values_list("customer_id", "program_id", "pk", "ended_at")
    )
    return {(customer, program): Latest(pk, end is None) for customer, program, pk, end in rows}


def _changed(event: Event, extra: Extra) -> Line:
    data = event.data
    actions = []
    if data["why"] == Why.BY_HAND and _is_latest(event, extra):
        url = reverse("rewards:tier-undo", args=[event.customer_id, event.pk])
        actions.append(LineAction(_("Undo"), url, "post", permission=Perm.TIER_CHANGE))
    down = data["why"] in (Why.LAPSED, Why.ENDED)
    return Line(
        title=_title(event),
        body=" · ".join(_sentences(event)),
        actions=actions,
        icon="trending-down" if down else "undo-2" if data["why"] == Why.UNDONE else "",
        tone="warn" if down or data["why"] == Why.UNDONE else None,
    )


def _is_latest(event: Event, extra: Extra) -> bool:
    """Whether nothing has changed since: only then can it be undone."""
    latest: Latest | None = extra.get((event.customer_id, event.data["program_id"]))
    opened = event.data["opened"]
    expected = Latest(opened or event.data["left"], is_open=bool(opened))
    return latest == expected


def _title(event: Event) -> str:
    data = event.data
    before, after = data["from"], data["to"]
    words = {"before": before, "after": after}
    if data["why"] in (Why.BY_HAND, Why.UNDONE):
        none = _("no tier")
        words = {"before": before or none, "after": after or none}
        if data["why"] == Why.UNDONE:
            return _("Change of tier undone: %(before)s → %(after)s") % words
        return _("Tier changed by hand: %(before)s → %(after)s") % words
    if after is None:
        return _("%(before)s has ended") % words
    if before is None:
        return _("Reached %(after)s") % words
    if data["why"] == Why.EARNED:
        return _("Moved up from %(before)s to %(after)s") % words
    return _("Moved down from %(before)s to %(after)s") % words


def _sentences(event: Event) -> Iterator[str]:
    data = event.data
    yield data["program"]
    if data["why"] in (Why.EARNED, Why.LAPSED):
        yield _("%s counted") % _measure(event)
    if data["why"] == Why.ENDED:
        yield _("it was given by hand until then")
    if data["until"] and (until := parse_datetime(data["until"])):
        yield _("until %s") % last_day(until)
    if data["to"] and Decimal(data["multiplier"]) != 1:
        yield _("earns %s times as much") % number(Decimal(data["multiplier"]))
    if gifts := gifts_in_words(event):
        yield _("Gave %s") % gifts
    if data["why"] == Why.UNDONE:
        yield from _taken(event)
        yield from kept_in_words(event)
    if data["internal_note"]:
        yield _("Internal: %s") % data["internal_note"]


def _measure(event: Event) -> str:
    measure = Decimal(event.data["measure"])
    if event.data["basis"] == Program.TierBasis.WINDOW_SPEND:
        return money(measure, event.data["currency"])
    return _amount(event, int(measure))


def _amount(event: Event, amount: int) -> str:
    name = event.data["unit_singular" if abs(amount) == 1 else "unit_plural"]
    return f"{units(amount)} {name}"


def gifts_in_words(event: Event) -> str:
    """What a change gave: `50 points, “Free coffee”`."""
    given = []
    for gift in event.data["gifts"]:
        given += [_amount(event, gift["units"])] if gift["units"] else []
        given += [f"“{gift['reward']}”"] if gift["reward"] else []
    return ", ".join(given)


def _taken(event: Event) -> Iterator[str]:
    taken = [_amount(event, event.data["taken_units"])] if event.data["taken_units"] else []
    taken += [f"“{name}”" for name in event.data["taken_rewards"]]
    if taken:
        yield _("Took back %s") % ", ".join(taken)


def kept_in_words(event: Event) -> Iterator[str]:
    """What an undo could not take back, a sentence for each."""
    if kept := event.data.get("kept_units"):
        yield _("%s had been spent and stay with the customer.") % _amount(event, kept)
    for name in event.data.get("kept_rewards", ()):
        yield _("“%s” was used and stays.") % name


def register_all() -> None:
    """Make the timeline know them."""
    label = gettext_lazy("Tier")
    register(LineType(CHANGED, Group.REWARDS, label, "medal", "accent", _changed, _latest))
