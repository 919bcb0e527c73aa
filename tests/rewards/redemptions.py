"""Short words for tests of rewards."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from rewards.actions.redemption_states import mark_redemption_used
from rewards.actions.redemptions import cancel_redemption, redeem_reward
from rewards.models import Account, Program, Redemption, Reward
from tests.factories import RewardFactory
from tests.rewards.ledger import SYSTEM


def a_reward(program: Program, cost: int = 100, **fields: Any) -> Reward:
    """A mug of this program."""
    reward: Reward = RewardFactory(
        program=program, cost=cost, **{"name": "Mug", "kind": Reward.Kind.GIFT} | fields
    )
    return reward


def a_code_reward(program: Program, cost: int = 500, **fields: Any) -> Reward:
    """Five euros off, as a code."""
    reward: Reward = RewardFactory(
        code=True, program=program, cost=cost, **{"name": "€5 off"} | fields
    )
    return reward


def redeem(account: Account, reward: Reward, **fields: Any) -> Redemption:
    """This reward for the owner of this account, with a fresh key unless one is given."""
    fields.setdefault("idempotency_key", str(uuid4()))
    fields.setdefault("actor", SYSTEM)
    return redeem_reward(customer_id=account.customer_id, reward_id=reward.pk, **fields)


def cancel(redemption: Redemption, **fields: Any) -> Redemption:
    """The redemption, cancelled, with a fresh key unless one is given."""
    fields.setdefault("idempotency_key", str(uuid4()))
    fields.setdefault("actor", SYSTEM)
    return cancel_redemption(redemption_id=redemption.pk, **fields)


def use(redemption: Redemption, **fields: Any) -> Redemption:
    """The redemption, marked as used."""
    fields.setdefault("actor", SYSTEM)
    return mark_redemption_used(redemption_id=redemption.pk, **fields)
