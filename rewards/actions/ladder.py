"""The ladder of a program: its steps, as a store admin sets them up.

Who stands on which step follows from it, and is the business of `rewards.actions.tiers`.
"""

from __future__ import annotations

from decimal import Decimal

from django.db import transaction

from loyalty_admin.common.actor import Actor
from loyalty_admin.common.errors import Conflict, InvalidInput, NotFound, StaleView
from loyalty_admin.common.idempotency import fingerprint
from loyalty_admin.staff.permissions import Perm, authorise
from rewards.actions.configuring import lock_program, save_or_refuse, write_down
from rewards.actions.moving import MAX_UNITS
from rewards.models import Program, Reward, Tier

HIGHEST_MULTIPLIER = Decimal("99.99")


def create_tier(
    *,
    actor: Actor,
    program_id: int,
    name: str,
    threshold: Decimal,
    multiplier: Decimal = Decimal(1),
    entry_units: int = 0,
    entry_reward_id: int | None = None,
) -> Tier:
    """A new step; `threshold` is in what the program's `tier_basis` counts.

    The same step made twice is made once. Raises NotFound, Conflict where the program counts
    nothing for tiers, InvalidInput naming the field.
    """
    authorise(actor, Perm.PROGRAMS_CONFIGURE)
    with transaction.atomic(durable=True):
        program = _locked(program_id)
        tier = Tier(
            program=program,
            name=name.strip(),
            threshold=threshold,
            multiplier=multiplier,
            entry_units=entry_units,
            entry_reward=_reward(entry_reward_id),
        )
        twin = program.tiers.filter(name=tier.name).first()
        if twin and _state(twin) == _state(tier):
            return twin
        _check(tier)
        save_or_refuse(tier)
        write_down(actor, "tier.created", "tier", tier.pk, None, _state(tier))
        return tier


def change_tier_step(
    *,
    actor: Actor,
    tier_id: int,
    name: str,
    threshold: Decimal,
    multiplier: Decimal,
    entry_units: int,
    entry_reward_id: int | None,
    seen: str = "",
) -> Tier:
    """Change what a step asks and gives. Who stands on it is worked out as time goes on.

    `seen` is the `says_now` of the step that the actor saw. Raises NotFound, Conflict,
    InvalidInput naming the field, StaleView when somebody else has changed it meanwhile.
    """
    authorise(actor, Perm.PROGRAMS_CONFIGURE)
    with transaction.atomic(durable=True):
        tier = _tier(tier_id)
        before, stale = _state(tier), bool(seen) and seen != says_now(tier)
        tier.name, tier.threshold, tier.multiplier = name.strip(), threshold, multiplier
        tier.entry_units, tier.entry_reward = entry_units, _reward(entry_reward_id)
        if _state(tier) == before:
            return tier
        if stale:
            raise StaleView(
                "Somebody has changed this tier meanwhile. Look at what it says now and decide "
                "again."
            )
        _check(tier)
        save_or_refuse(tier)
        write_down(actor, "tier.step_changed", "tier", tier.pk, before, _state(tier))
        return tier


def switch_tier(*, actor: Actor, tier_id: int, is_active: bool) -> Tier:
    """Put a step back into its ladder, or take it out. Raises NotFound, Conflict."""
    authorise(actor, Perm.PROGRAMS_CONFIGURE)
    with transaction.atomic(durable=True):
        tier = _tier(tier_id)
        before = tier.is_active
        if before == is_active:
            return tier
        tier.is_active = is_active
        tier.save(update_fields=["is_active"])
        change = {"is_active": before}, {"is_active": is_active}
        write_down(actor, "tier.switched", "tier", tier.pk, *change)
        return tier


def says_now(tier: Tier) -> str:
    """A fingerprint of all that can be changed of a step, to tell whether somebody did."""
    return fingerprint(_state(tier))


def _locked(program_id: int) -> Program:
    program = lock_program(program_id)
    if program.tier_basis == Program.TierBasis.NONE:
        raise Conflict("Say first, in the program's settings, what counts for its tiers.")
    return program


def _tier(tier_id: int) -> Tier:
    program_id = Tier.objects.filter(pk=tier_id).values_list("program_id", flat=True).first()
    if program_id is None:
        raise NotFound("There is no such tier.")
    program = _locked(program_id)
    tier = Tier.objects.select_related("entry_reward").get(pk=tier_id)
    tier.program = program
    return tier


def _reward(reward_id: int | None) -> Reward | None:
    if reward_id is None:
        return None
    reward = Reward.objects.filter(pk=reward_id).first()
    if reward is None:
        raise InvalidInput("There is no such reward.", field="entry_reward")
    return reward


def _check(tier: Tier) -> None:
    if not tier.threshold.is_finite() or tier.threshold <= 0:
        raise InvalidInput("Enter an amount above zero.", field="threshold")
    money = tier.program.tier_basis == Program.TierBasis.WINDOW_SPEND
    if not money and tier.threshold != tier.threshold.to_integral_value():
        raise InvalidInput("Units are whole: enter a number such as 500.", field="threshold")
    if not 1 <= tier.multiplier <= HIGHEST_MULTIPLIER:
        raise InvalidInput("Enter a number from 1 to 99.99, such as 1.5.", field="multiplier")
    if not 0 <= tier.entry_units <= MAX_UNITS:
        raise InvalidInput(f"Enter a whole number, at most {MAX_UNITS:,}.", field="entry_units")
    if tier.entry_reward and not tier.entry_reward.is_active:
        raise InvalidInput("This reward is switched off; choose another.", field="entry_reward")
    others = Tier.objects.filter(program=tier.program).exclude(pk=tier.pk)
    if others.filter(name__iexact=tier.name).exists():
        raise InvalidInput("There is a tier of this name already.", field="name")
    if twin := others.filter(threshold=tier.threshold).first():
        raise InvalidInput(f"“{twin.name}” begins at the same amount.", field="threshold")


def _state(tier: Tier) -> dict[str, object]:
    return {
        "name": tier.name,
        "threshold": f"{tier.threshold.normalize():f}",
        "multiplier": f"{tier.multiplier.normalize():f}",
        "entry_units": tier.entry_units,
        "entry_reward": str(tier.entry_reward) if tier.entry_reward else None,
    }
