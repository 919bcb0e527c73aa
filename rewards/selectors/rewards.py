"""What the catalogue of rewards shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import F, QuerySet
from django.utils.translation import gettext as _

from discounts.selectors import in_words
from loyalty_admin.common.errors import NotFound
from loyalty_admin.common.templatetags.ui import date_in_words
from rewards.models import Program, Redemption, Reward, RewardPicture

COUNTED = 1000
"""Up to how many outstanding redemptions are counted; beyond it is “more than”."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether a reward can be had now, as a chip."""

    label: str
    tone: str


@dataclass(frozen=True, slots=True)
class ShownReward:
    """A reward as the catalogue shows it.

    `picture` is the digest of its picture, "" without one; `left` is None for as many as
    are wanted.
    """

    reward: Reward
    cost: str
    gets: str
    left: int | None
    standing: Standing
    picture: str


def catalogue(program_id: int | None, now: datetime) -> list[ShownReward]:
    """The rewards of one program or of all, those that are switched on first. One query."""
    rewards = _with_all().order_by("-is_active", "program__name", "cost", "name")
    if program_id is not None:
        rewards = rewards.filter(program=program_id)
    return [shown(reward, now) for reward in rewards]


def reward_by_id(reward_id: int) -> Reward:
    """The reward with its program, offer, tier and the digest of its picture. Raises NotFound."""
    reward = _with_all().filter(pk=reward_id).first()
    if reward is None:
        raise NotFound("There is no such reward.")
    return reward


def shown(reward: Reward, now: datetime) -> ShownReward:
    """A reward of `reward_by_id` as the catalogue shows it."""
    return ShownReward(
        reward=reward,
        cost=reward.program.units(reward.cost),
        gets=gets_in_words(reward),
        left=None if reward.stock is None else reward.stock - reward.taken,
        standing=standing_of(reward, now),
        picture=getattr(reward, "digest", None) or "",
    )


def standing_of(reward: Reward, now: datetime) -> Standing:
    """Whether it can be had now, or why nobody can have it."""
    if not reward.is_active:
        return Standing(_("Off"), "")
    if reward.ends_at and reward.ends_at <= now:
        return Standing(_("Ended on %s") % date_in_words(reward.ends_at), "warn")
    if not reward.program.is_running:
        return Standing(_("Its program does not run"), "warn")
    if reward.starts_at and reward.starts_at > now:
        return Standing(_("From %s on") % date_in_words(reward.starts_at), "info")
    if reward.stock is not None and reward.taken >= reward.stock:
        return Standing(_("Sold out"), "bad")
    return Standing(_("On"), "ok")


def gets_in_words(reward: Reward) -> str:
    """What the customer gets: `Free product`, `Discount code: 10 % off, usable once …`."""
    kind = str(reward.get_kind_display())
    return f"{kind}: {in_words(reward.offer)}" if reward.offer else kind


def programs() -> list[Program]:
    """Every program that a reward can be of."""
    return list(Program.objects.all())


def outstanding(reward_id: int) -> int:
    """How many customers have it and did not use it yet, at most COUNTED + 1."""
    rows = Redemption.objects.filter(reward=reward_id, status=Redemption.Status.OUTSTANDING)
    return rows[: COUNTED + 1].count()


def picture_of(reward_id: int, digest: str) -> RewardPicture:
    """The picture of this reward with this digest. Raises NotFound for one that it lost."""
    picture = RewardPicture.objects.filter(reward=reward_id, digest=digest).first()
    if picture is None:
        raise NotFound("There is no such picture.")
    return picture


def promising(offer_id: int) -> Sequence[str]:
    """The names of the rewards that make codes of this offer and can be had."""
    rewards = Reward.objects.filter(offer=offer_id, is_active=True)
    return list(rewards.values_list("name", flat=True))


def _with_all() -> QuerySet[Reward]:
    rows = Reward.objects.select_related("program", "offer", "minimum_tier")
    return rows.annotate(digest=F("picture__digest"))
