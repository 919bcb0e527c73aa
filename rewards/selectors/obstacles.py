"""Why a customer can't have a reward, each reason with what is missing.

The one place that says so: redeeming refuses by it, and what is offered shows it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count
from django.utils.translation import gettext as _

from loyalty_admin.common.errors import Conflict, InsufficientBalance
from loyalty_admin.common.templatetags.ui import date_in_words, units
from rewards.models import Program, Redemption, Reward, Tier, TierMembership


class NotOffered(Conflict):
    """The reward is switched off, not yet to be had, or not any more."""

    code = "reward-not-offered"


class TierTooLow(Conflict):
    """The reward is for members of a higher tier."""

    code = "tier-too-low"


class LimitReached(Conflict):
    """The customer has as many of this reward as one customer may have."""

    code = "reward-limit-reached"


class SoldOut(Conflict):
    """All there were are gone."""

    code = "reward-sold-out"


@dataclass(frozen=True, slots=True)
class Wallet:
    """What decides about rewards on the customer's side.

    `balance` is in units of `program`; `had` says by reward how many they have that are not
    cancelled; `steps` says by program on which step of its ladder they stand.
    """

    program: Program
    balance: int
    had: dict[int, int]
    steps: dict[int, Tier]


@dataclass(frozen=True, slots=True)
class Obstacle:
    """A reason: in a few words beside the reward, and as the sentence of a refusal."""

    label: str
    sentence: str
    error: type[Conflict]


def wallet_of(
    customer_id: int, program: Program, balance: int, rewards: Sequence[Reward]
) -> Wallet:
    """What decides about these rewards; they carry their tier and offer. At most two queries."""
    limited = [reward.pk for reward in rewards if reward.per_customer is not None]
    ladders = {reward.minimum_tier.program_id for reward in rewards if reward.minimum_tier}
    return Wallet(program, balance, _had(customer_id, limited), _steps(customer_id, ladders))


def _had(customer_id: int, reward_ids: list[int]) -> dict[int, int]:
    if not reward_ids:
        return {}
    rows = (
        Redemption.objects.filter(customer_id=customer_id, reward__in=reward_ids)
        .exclude(status=Redemption.Status.CANCELLED)
        .values_list("reward_id")
        .annotate(Count("pk"))
    )
    return dict(rows)


def _steps(customer_id: int, program_ids: set[int]) -> dict[int, Tier]:
    if not program_ids:
        return {}
    rows = TierMembership.objects.filter(
        customer_id=customer_id, program__in=program_ids, ended_at__isnull=True
    ).select_related("tier")
    return {row.program_id: row.tier for row in rows}


def obstacle_to(reward: Reward, wallet: Wallet, at: datetime) -> Obstacle | None:
    """The first reason why it can't be had at that time; None when it can."""
    return next(_obstacles(reward, wallet, at), None)


def _obstacles(reward: Reward, wallet: Wallet, at: datetime) -> Iterator[Obstacle]:
    yield from _of_dates(reward, at)
    words: dict[str, object]
    tier = reward.minimum_tier
    if tier and not _stands_on(tier, wallet):
        words = {"reward": reward, "tier": tier}
        sentence = _("“%(reward)s” is for %(tier)s members and above.") % words
        yield Obstacle(_("%(tier)s members only") % words, sentence, TierTooLow)
    limit = reward.per_customer
    if limit is not None and wallet.had.get(reward.pk, 0) >= limit:
        words = {"reward": reward, "limit": units(limit)}
        sentence = _("The limit of “%(reward)s” is %(limit)s for each customer, and reached.")
        yield Obstacle(_("Limit of %(limit)s reached") % words, sentence % words, LimitReached)
    if reward.stock is not None and reward.taken >= reward.stock:
        yield sold_out(reward)
    if missing := max(reward.cost - wallet.balance, 0):
        name = wallet.program.units
        words = {"missing": name(missing), "cost": name(reward.cost), "reward": reward}
        words["has"] = name(wallet.balance)
        sentence = _("%(missing)s missing: “%(reward)s” costs %(cost)s, the balance is %(has)s.")
        yield Obstacle(_("%(missing)s missing") % words, sentence % words, InsufficientBalance)


def _of_dates(reward: Reward, at: datetime) -> Iterator[Obstacle]:
    switched_off = reward.offer is not None and not reward.offer.is_active
    if not reward.is_active or switched_off:
        sentence = _("“%(reward)s” is not offered any more.") % {"reward": reward}
        yield Obstacle(_("Not offered any more"), sentence, NotOffered)
    if reward.starts_at and at < reward.starts_at:
        words = {"reward": reward, "day": date_in_words(reward.starts_at)}
        sentence = _("“%(reward)s” can be had from %(day)s on.") % words
        yield Obstacle(_("From %(day)s on") % words, sentence, NotOffered)
    if reward.ends_at and at >= reward.ends_at:
        words = {"reward": reward, "day": date_in_words(reward.ends_at)}
        sentence = _("“%(reward)s” could be had until %(day)s.") % words
        yield Obstacle(_("Ended on %(day)s") % words, sentence, NotOffered)


def _stands_on(tier: Tier, wallet: Wallet) -> bool:
    step = wallet.steps.get(tier.program_id)
    return step is not None and step.threshold >= tier.threshold


def sold_out(reward: Reward) -> Obstacle:
    """That none is left."""
    sentence = _("“%(reward)s” is sold out.") % {"reward": reward}
    return Obstacle(_("Sold out"), sentence, SoldOut)
