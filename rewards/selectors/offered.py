"""What rewards a customer can have now, and what redeeming one will do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import F, Q
from django.utils.translation import gettext as _

from loyalty_admin.common.templatetags.ui import date_in_words
from rewards.models import Reward
from rewards.selectors.balances import Holding
from rewards.selectors.obstacles import Obstacle, obstacle_to, wallet_of
from rewards.selectors.preview import Preview, preview_change


@dataclass(frozen=True, slots=True)
class Offered:
    """A reward as a customer can have it, or what is in the way; `after` is the balance then.

    `picture` is the digest of its picture, "" without one.
    """

    reward: Reward
    after: int
    obstacle: Obstacle | None
    picture: str


def offered_rewards(customer_id: int, holding: Holding, at: datetime) -> list[Offered]:
    """The rewards of a program for its holder: first what can be had, cheapest first.

    Without what is switched off or over. Three queries at most.
    """
    rewards = list(
        Reward.objects.filter(Q(ends_at__isnull=True) | Q(ends_at__gt=at), is_active=True)
        .filter(program=holding.program)
        .select_related("minimum_tier", "offer")
        .annotate(digest=F("picture__digest"))
        .order_by("cost", "name")
    )
    wallet = wallet_of(customer_id, holding.program, holding.balance, rewards)
    offered = [
        Offered(
            reward=reward,
            after=holding.balance - reward.cost,
            obstacle=obstacle_to(reward, wallet, at),
            picture=reward.digest or "",
        )
        for reward in rewards
    ]
    return sorted(offered, key=lambda each: each.obstacle is not None)


def preview_reward(holding: Holding, offered: Offered, at: datetime) -> Preview:
    """What redeeming it will do, or why it can't be had. One query at most."""
    if offered.obstacle:
        return Preview([offered.obstacle.sentence], "warn")
    change = preview_change(holding, -offered.reward.cost)
    return Preview([_issued(offered.reward, at), *change.lines], change.tone)


def _issued(reward: Reward, at: datetime) -> str:
    days = reward.valid_days or (reward.offer.valid_days if reward.offer else None)
    words = {"reward": reward, "day": date_in_words(at + timedelta(days=days)) if days else ""}
    if reward.offer:
        return _("A new code for “%(reward)s”, usable until %(day)s") % words
    if days:
        return _("“%(reward)s”, usable until %(day)s") % words
    return _("“%(reward)s”, usable for ever") % words
