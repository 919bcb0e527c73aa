"""What a step gives to whoever reaches it: units and a reward, once in a lifetime.

Each step that is reached or passed gives its own. What was taken back when a change by hand
was undone counts as not given.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from loyalty_admin.common.actor import Actor
from rewards.actions.cards import fill_cards
from rewards.actions.moving import credit, expiry_of
from rewards.actions.posting import Posting, post
from rewards.actions.redemptions import give_reward
from rewards.models import Account, Entry, Operation, Redemption, Reward, Tier
from rewards.selectors.tiers import Given, gift_key, given_to


@dataclass(frozen=True, slots=True)
class Gift:
    """What one step gave: `units` by `operation_id`, `reward` as `redemption_id`."""

    tier: str
    units: int = 0
    operation_id: int | None = None
    reward: str = ""
    redemption_id: int | None = None

    def as_json(self) -> dict[str, object]:
        """As an event keeps it."""
        return asdict(self)


def give_entries(actor: Actor, account: Account, tiers: Sequence[Tier], at: datetime) -> list[Gift]:
    """Give what these steps still have to give to the holder of a locked account."""
    giving = [tier for tier in tiers if tier.entry_units or tier.entry_reward_id]
    if not giving:
        return []
    given = given_to(account.customer_id, [tier.pk for tier in giving])
    lock_rewards([tier for tier in giving if not given[tier.pk].reward])
    gifts = []
    for tier in giving:
        operation = _give_units(actor, account, tier, given[tier.pk], at)
        redemption = _give_reward(actor, account, tier, given[tier.pk], at)
        if operation or redemption:
            gifts.append(
                Gift(
                    tier=tier.name,
                    units=tier.entry_units if operation else 0,
                    operation_id=operation.pk if operation else None,
                    reward=redemption.reward.name if redemption else "",
                    redemption_id=redemption.pk if redemption else None,
                )
            )
    if any(gift.units for gift in gifts):
        fill_cards(actor, account, at)
    return gifts


def lock_rewards(tiers: Iterable[Tier]) -> None:
    """Lock what these steps give, in the order of the keys: two ladders can't cross each other."""
    if wanted := [tier.entry_reward_id for tier in tiers if tier.entry_reward_id]:
        rewards = Reward.objects.filter(pk__in=wanted, stock__isnull=False)
        list(rewards.select_for_update().order_by("pk").values_list("pk"))


def _give_units(
    actor: Actor, account: Account, tier: Tier, given: Given, at: datetime
) -> Operation | None:
    if not tier.entry_units or given.units:
        return None
    posting = Posting(
        actor=actor,
        customer_id=account.customer_id,
        kind=Operation.Kind.ADJUST,
        idempotency_key=gift_key(account.customer_id, tier.pk, given.times),
        occurred_at=at,
        customer_comment=f"Welcome to {tier.name}",
        counts_for_tier=False,
    )
    expires_at = expiry_of(account.program, at, None)
    credit(posting, account, Entry.Kind.ADJUSTED, tier.entry_units, at, expires_at)
    return post(posting)


def _give_reward(
    actor: Actor, account: Account, tier: Tier, given: Given, at: datetime
) -> Redemption | None:
    if not tier.entry_reward or given.reward:
        return None
    return give_reward(
        actor=actor,
        account=account,
        reward=tier.entry_reward,
        source=Redemption.Source.TIER,
        idempotency_key=gift_key(account.customer_id, tier.pk, given.times),
        at=at,
        tier=tier,
    )
