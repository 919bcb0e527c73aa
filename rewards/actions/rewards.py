"""The catalogue of rewards, as a store admin sets it up.

Whoever repeats an act finds it done: the same reward made twice is made once.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

from django.db import transaction

from discounts.actions.offers import lock_offer
from loyalty_admin.common.actor import Actor
from loyalty_admin.common.errors import Conflict, InvalidInput, NotFound, StaleView
from loyalty_admin.common.idempotency import fingerprint
from loyalty_admin.common.saving import check_row, check_text
from loyalty_admin.staff.permissions import Perm, authorise
from rewards.actions.configuring import lock_program, write_down
from rewards.actions.moving import MAX_UNITS
from rewards.actions.pictures import Picture, digest_of, hang_picture, picture_from
from rewards.models import Reward, RewardPicture, Tier

CREATED, CHANGED, SWITCHED = "reward.created", "reward.changed", "reward.switched"
MAX_DAYS = 3650
NAME, DESCRIPTION = 80, 300
"""Characters of the two, at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RewardTerms:
    """What a reward says: `cost` in units of its program, `stock` how many in all.

    None means without limit: as many as are wanted, each customer as often as they like,
    for any tier, from ever, to ever, usable for ever (a code: as long as its offer says).
    """

    name: str
    kind: str
    cost: int
    description: str = ""
    offer_id: int | None = None
    stock: int | None = None
    per_customer: int | None = None
    minimum_tier_id: int | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    valid_days: int | None = None


FIELDS = tuple(RewardTerms.__dataclass_fields__)


def create_reward(
    *, actor: Actor, program_id: int, terms: RewardTerms, picture: bytes | None = None
) -> Reward:
    """A new reward that can be had at once, within its dates; `picture` as it was uploaded.

    Raises NotFound, InvalidInput naming the field, Conflict for a name that is taken or an
    offer that is switched off.
    """
    authorise(actor, Perm.PROGRAMS_CONFIGURE)
    values, hung = checked(terms), picture_from(picture) if picture else None
    with transaction.atomic(durable=True):
        program = lock_program(program_id)
        reward = Reward(program=program, **values)
        if (twin := _twin(reward)) and _values(twin) == values:
            return twin
        _check(reward)
        reward.save(force_insert=True)
        if hung:
            hang_picture(reward, hung)
        write_down(actor, CREATED, "reward", reward.pk, None, _said(reward, hung))
        return reward


def change_reward(
    *,
    actor: Actor,
    reward_id: int,
    terms: RewardTerms,
    picture: bytes | None = None,
    remove_picture: bool = False,
    seen: str = "",
) -> Reward:
    """Change what a reward is from now on; what customers have of it stays as it is.

    `seen` is the `says_now` of the reward that the actor saw. Raises NotFound, InvalidInput
    naming the field, StaleView when somebody else has changed it meanwhile, Conflict.
    """
    authorise(actor, Perm.PROGRAMS_CONFIGURE)
    values, hung = checked(terms), picture_from(picture) if picture else None
    with transaction.atomic(durable=True):
        reward = lock_reward(reward_id)
        digest = digest_of(reward)
        wanted = hung.digest if hung else "" if remove_picture else digest
        if values == _values(reward) and wanted == digest:
            return reward
        if seen and seen != says_now(reward):
            raise StaleView(
                "Somebody has changed this reward meanwhile. Look at what it says now and "
                "decide again."
            )
        before = _said(reward) | {"picture": digest[:8]}
        for name, value in values.items():
            setattr(reward, name, value)
        _check(reward)
        # Never `taken`: that belongs to those who redeem.
        reward.save(update_fields=FIELDS)
        if hung:
            hang_picture(reward, hung)
        elif remove_picture:
            RewardPicture.objects.filter(reward=reward).delete()
        after = _said(reward) | {"picture": wanted[:8]}
        write_down(actor, CHANGED, "reward", reward.pk, before, after)
        return reward


def switch_reward(*, actor: Actor, reward_id: int, is_active: bool) -> Reward:
    """Let customers have a reward, or stop it; what they have of it stays.

    Raises NotFound, Conflict for a code whose offer is switched off.
    """
    authorise(actor, Perm.PROGRAMS_CONFIGURE)
    with transaction.atomic(durable=True):
        reward = lock_reward(reward_id)
        if reward.is_active == is_active:
            return reward
        before, reward.is_active = reward.is_active, is_active
        _check_offer(reward)
        reward.save(update_fields=["is_active"])
        change = {"is_active": before}, {"is_active": is_active}
        write_down(actor, SWITCHED, "reward", reward.pk, *change)
        return reward


def lock_reward(reward_id: int) -> Reward:
    """The reward and its program, locked until the transaction ends. Raises NotFound.

    The program, because names are told apart within it; units move all the same.
    """
    rows = Reward.objects.select_for_update(of=("self", "program"), no_key=True)
    reward = rows.select_related("program").filter(pk=reward_id).first()
    if reward is None:
        raise NotFound("There is no such reward.")
    return reward


def says_now(reward: Reward) -> str:
    """A fingerprint of all that can be changed of a reward, to tell whether somebody did."""
    return fingerprint(_values(reward))


def _values(reward: Reward) -> dict[str, object]:
    return {name: getattr(reward, name) for name in FIELDS}


def _said(reward: Reward, picture: Picture | None = None) -> dict[str, object]:
    """What the audit log keeps: names where the row has numbers."""
    offer, tier = reward.offer, reward.minimum_tier
    said = _values(reward) | {"offer": offer.name if offer else None}
    said |= {"minimum_tier": tier.name if tier else None, "program": reward.program.name}
    if picture:
        said["picture"] = picture.digest[:8]
    return {name: value for name, value in said.items() if not name.endswith("_id")}


def checked(terms: RewardTerms) -> dict[str, object]:
    """The values as they are stored. Raises InvalidInput for those that no reward can have."""
    name = check_text(terms.name, field="name", longest=NAME)
    if not name:
        raise InvalidInput("Give the reward a name.", field="name")
    _check_numbers(terms)
    if terms.kind not in Reward.Kind.values:
        raise InvalidInput("Choose what the customer gets.", field="kind")
    is_code = terms.kind == Reward.Kind.DISCOUNT_CODE
    if is_code and terms.offer_id is None:
        raise InvalidInput("Choose the offer that its codes are made from.", field="offer")
    if not is_code and terms.offer_id is not None:
        raise InvalidInput("Only a discount code has an offer; leave it empty.", field="offer")
    if terms.starts_at and terms.ends_at and terms.starts_at >= terms.ends_at:
        raise InvalidInput("The end must come after the start.", field="ends_at")
    description = check_text(terms.description, field="description", longest=DESCRIPTION)
    return asdict(terms) | {"name": name, "description": description}


def _check_numbers(terms: RewardTerms) -> None:
    if not 1 <= terms.cost <= MAX_UNITS:
        raise InvalidInput(f"Enter a whole number from 1 to {MAX_UNITS:,}.", field="cost")
    for field, least, most in (
        ("stock", 0, MAX_UNITS),
        ("per_customer", 1, MAX_UNITS),
        ("valid_days", 1, MAX_DAYS),
    ):
        value = getattr(terms, field)
        if value is not None and not least <= value <= most:
            raise InvalidInput(f"Enter {least} to {most:,}, or nothing.", field=field)


def _check(reward: Reward) -> None:
    """Raise InvalidInput or Conflict for what does not fit to what is there now."""
    check_stock(reward)
    ladder = Tier.objects.filter(program=reward.program_id)
    if reward.minimum_tier_id and not ladder.filter(pk=reward.minimum_tier_id).exists():
        raise InvalidInput(
            f"Choose a tier of {reward.program.name}, or none.", field="minimum_tier"
        )
    if _twin(reward):
        raise Conflict(
            f"{reward.program.name} has a reward “{reward.name}” already; give this one another "
            "name.",
            field="name",
        )
    _check_offer(reward)
    check_row(reward)


def check_stock(reward: Reward) -> None:
    """Raise InvalidInput when fewer are there in all than are gone."""
    if reward.stock is not None and reward.stock < reward.taken:
        raise InvalidInput(
            f"{reward.taken:,} are gone already, so there can't be fewer in all.", field="stock"
        )


def _check_offer(reward: Reward) -> None:
    """An active reward needs an active offer; with the offer locked, nobody switches it off."""
    if reward.offer_id is None:
        return
    try:
        offer = lock_offer(reward.offer_id)
    except NotFound as error:
        raise InvalidInput(error.message, field="offer") from error
    if reward.is_active and not offer.is_active:
        raise Conflict(f"The offer “{offer.name}” is switched off.", field="offer")


def _twin(reward: Reward) -> Reward | None:
    others = Reward.objects.filter(program=reward.program_id, name=reward.name)
    return others.exclude(pk=reward.pk).first()
