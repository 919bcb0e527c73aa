"""Where a customer stands, and what a change by hand will do, in sentences."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import ROUND_CEILING, Decimal

from django.utils.translation import gettext as _

from loyalty_admin.common.templatetags.ui import date_in_words
from rewards.models import Program, Tier
from rewards.selectors.preview import Preview
from rewards.selectors.tiers import Given, Place, given_to, steps_up
from rewards.selectors.words import number, threshold_in_words

A_MOMENT = timedelta(seconds=1)


def last_day(ends: datetime) -> str:
    """The last day of something that ends then; at midnight that is the day before."""
    return date_in_words(ends - A_MOMENT)


def amount_in_words(program: Program, amount: Decimal) -> str:
    """So much of what counts for the ladder: `120 points`, `€180.00`."""
    if program.tier_basis != Program.TierBasis.WINDOW_SPEND:
        amount = amount.to_integral_value(ROUND_CEILING)
    return threshold_in_words(program, amount)


def outlook(place: Place) -> str:
    """What comes next: `120 points more to Platinum`, `until 4 Dec 2026`."""
    lapses_at, program = place.standing.lapses_at, place.program
    if place.tier and lapses_at:
        ends = _("until %s") % last_day(lapses_at)
        if not place.missing_to_stay:
            return ends
        more = amount_in_words(program, place.missing_to_stay)
        return _("%(ends)s, unless %(amount)s more") % {"ends": ends, "amount": more}
    if place.following:
        words = {
            "amount": amount_in_words(program, place.missing),
            "tier": place.following.name,
        }
        return _("%(amount)s more to %(tier)s") % words
    return _("the highest tier") if place.tier else ""


def tier_effect(place: Place | None, amount: int) -> str:
    """What an adjustment by `amount` units that counts for the tier does to it.

    A debit takes nothing off: what was earned stays earned.
    """
    if place is None or place.program.tier_basis == Program.TierBasis.WINDOW_SPEND or amount < 0:
        return _("Changes nothing about the tier")
    reached = [
        tier
        for tier in place.ladder
        if tier.is_active and tier.threshold <= place.standing.measure + amount
    ]
    here = place.tier.threshold if place.tier else Decimal(0)
    if reached and reached[-1].threshold > here:
        return _("Counts towards the tier: reaches %s") % reached[-1].name
    if place.following is None:
        return _("Counts towards the tier")
    words = {
        "amount": amount_in_words(place.program, place.missing - amount),
        "tier": place.following.name,
    }
    return _("Counts towards the tier: %(amount)s more to %(tier)s then") % words


def preview_tier(
    place: Place, to: Tier | None, until: datetime | None, *, trigger_rewards: bool
) -> Preview:
    """What a change by hand will do, once it was found possible. Three queries at most."""
    before = place.tier.name if place.tier else _("No tier")
    if to is None:
        lines = [
            _("%(before)s → no tier, until one is earned") % {"before": before},
            *_earning(place.tier, None),
        ]
        return Preview([*lines, _("No message is sent")])
    if place.tier == to:
        change = _("%s stays") % to.name
    else:
        change = _("%(before)s → %(after)s") % {"before": before, "after": to.name}
    ends = _("at least until %s") % last_day(until) if until else _("for good, unless changed")
    lines = [f"{change}, {ends}", *_earning(place.tier, to)]
    lines += _gifts(place, to, trigger_rewards=trigger_rewards)
    return Preview([*lines, _("No message is sent")])


def _earning(stood: Tier | None, to: Tier | None) -> list[str]:
    before = stood.multiplier if stood else Decimal(1)
    after = to.multiplier if to else Decimal(1)
    if before == after:
        return []
    words = {"before": number(before), "after": number(after)}
    return [_("Earns %(after)s times as much from now on, %(before)s times until now") % words]


def _gifts(place: Place, to: Tier, *, trigger_rewards: bool) -> list[str]:
    steps = steps_up(place.program.pk, place.tier, to)
    giving = [step for step in steps if step.entry_units or step.entry_reward_id]
    if not giving:
        return [_("%s gives nothing on arrival") % to.name]
    if not trigger_rewards:
        return [_("The rewards of %s are not given") % ", ".join(step.name for step in giving)]
    given = given_to(place.standing.customer_id, [step.pk for step in giving])
    return [_gift(place.program, step, given[step.pk]) for step in giving]


def _gift(program: Program, step: Tier, given: Given) -> str:
    gives = [program.units(step.entry_units)] if step.entry_units and not given.units else []
    if step.entry_reward and not given.reward:
        gives.append(f"“{step.entry_reward.name}”")
    if not gives:
        return _("%s has given its rewards before; it gives them once") % step.name
    words = {"tier": step.name, "gifts": _(" and ").join(gives)}
    return _("%(tier)s gives %(gifts)s") % words
