"""What a reward will be, and what a change of it means, said before it is saved."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from loyalty_admin.common.templatetags.ui import date_in_words, money, units
from rewards.models import Reward
from rewards.selectors.rewards import COUNTED, gets_in_words

WHAT_IT_IS = ("name", "kind", "cost", "offer_id", "valid_days")
"""What somebody who has a reward keeps as it was."""


def in_sentences(reward: Reward) -> list[str]:
    """Everything that holds for the reward, a sentence for each thing."""
    return [*_aspects(reward), *_warnings(reward)]


def what_a_change_means(old: Reward, new: Reward, outstanding: int) -> list[str]:
    """The sentences that did not hold before, and what becomes of what customers have.

    `outstanding` is how many have it and did not use it yet.
    """
    before = set(_aspects(old))
    lines = [sentence for sentence in _aspects(new) if sentence not in before]
    if not lines:
        return [_("Nothing changes.")]
    changed = any(getattr(old, name) != getattr(new, name) for name in WHAT_IT_IS)
    if outstanding and changed:
        number = _("more than %s") % units(COUNTED) if outstanding > COUNTED else units(outstanding)
        lines.append(
            ngettext(
                "%(number)s outstanding redemption keeps what it is.",
                "%(number)s outstanding redemptions keep what they are.",
                outstanding,
            )
            % {"number": number}
        )
    return lines + _warnings(new)


def _aspects(reward: Reward) -> list[str]:
    return [
        _("It is called “%s”.") % reward.name,
        _cost(reward),
        _("The customer gets: %s.") % gets_in_words(reward),
        _validity(reward),
        _stock(reward),
        _limit(reward),
        _tier(reward),
        _dates(reward),
    ]


def _cost(reward: Reward) -> str:
    program = reward.program
    return _("From now on it costs %(units)s, worth %(money)s.") % {
        "units": program.units(reward.cost),
        "money": money(program.unit_value * reward.cost, program.currency),
    }


def _validity(reward: Reward) -> str:
    days = reward.valid_days
    if days is None and reward.offer:
        days = reward.offer.valid_days
    if days is None:
        return _("It can be used for ever.")
    said = ngettext("It can be used within %s day.", "It can be used within %s days.", days)
    return said % units(days)


def _stock(reward: Reward) -> str:
    if reward.stock is None:
        return _("There are as many as are wanted.")
    return _("There are %(stock)s in all; %(gone)s are gone, %(left)s can still be had.") % {
        "stock": units(reward.stock),
        "gone": units(reward.taken),
        "left": units(reward.stock - reward.taken),
    }


def _limit(reward: Reward) -> str:
    if reward.per_customer is None:
        return _("Each customer can have it as often as they like.")
    said = ngettext(
        "Each customer can have it %s time.", "Each customer can have it %s times.",
        reward.per_customer,
    )  # fmt: skip
    return said % units(reward.per_customer)


def _tier(reward: Reward) -> str:
    if reward.minimum_tier is None:
        return _("Every member can have it.")
    return _("Only %s members and above can have it.") % reward.minimum_tier


def _dates(reward: Reward) -> str:
    words = {"first": _moment(reward.starts_at), "last": _moment(reward.ends_at)}
    if reward.starts_at and reward.ends_at:
        return _("It can be had from %(first)s until %(last)s.") % words
    if reward.starts_at:
        return _("It can be had from %(first)s on.") % words
    if reward.ends_at:
        return _("It can be had until %(last)s.") % words
    return _("It can be had at any time.")


def _moment(at: datetime | None) -> str:
    return f"{date_in_words(at)}, {timezone.localtime(at):%H:%M}" if at else ""


def _warnings(reward: Reward) -> list[str]:
    said = []
    if reward.ends_at and reward.ends_at <= timezone.now():
        said.append(_("Its end has passed, so nobody can have it."))
    if not reward.program.is_running:
        said.append(_("%s does not run, so nobody can have it yet.") % reward.program)
    if reward.offer and reward.offer.currency != reward.program.currency:
        words = {"offer": reward.offer.currency, "program": reward.program.currency}
        said.append(_("Its codes are in %(offer)s, the program is in %(program)s.") % words)
    return said
