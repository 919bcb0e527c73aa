"""A tier changed by hand: a floor until its end, with the step's gifts or without."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from activity.models import Event
from loyalty_admin.common.actor import Actor
from loyalty_admin.common.errors import Conflict, DomainError, InvalidInput, StaleView
from loyalty_admin.common.idempotency import check_same_input, fingerprint
from loyalty_admin.staff.permissions import Perm, authorise
from rewards.actions.locking import lock_account
from rewards.actions.moving import check_open, check_own_key, check_texts
from rewards.actions.tiers.stepping import CHANGED, Step, Why, take_steps
from rewards.models import Account, Tier, TierMembership
from rewards.selectors.tiers import Place, membership_of, standing_of, steps_up


class BelowEarned(Conflict):
    """The tier is lower than the one that the customer has earned."""

    code = "tier-below-earned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A change by hand, asked for: `tier_id` is None for no step, `until` None for good.

    `seen` is the membership that the actor saw open: 0 for none, None when nobody looked.
    """

    program_id: int
    tier_id: int | None
    until: datetime | None = None
    internal_note: str = ""
    trigger_rewards: bool = False
    seen: int | None = None

    def as_input(self, actor: Actor, customer_id: int) -> str:
        """The fingerprint of what was asked; what was seen is not a part of it."""
        return fingerprint(
            {
                "user": actor.user_id,
                "customer": customer_id,
                "program": self.program_id,
                "tier": self.tier_id,
                "until": self.until,
                "note": self.internal_note,
                "rewards": self.trigger_rewards,
            }
        )


def change_tier(
    *,
    actor: Actor,
    customer_id: int,
    program_id: int,
    tier_id: int | None,
    until: datetime | None = None,
    internal_note: str = "",
    trigger_rewards: bool = False,
    idempotency_key: str,
    seen: int | None = None,
) -> Event:
    """Put a customer on a step by hand (None: on no step); answers what the timeline says of it.

    The step is a floor until `until` (None: for good): they go up from it as they earn, and
    down only after it. `trigger_rewards` gives what each step on the way gives, unless it was
    given before. `seen` is the membership that the actor saw open, 0 for none. Raises NotFound,
    NotEnrolled, InvalidInput, BelowEarned, StaleView, Conflict, IdempotencyConflict.
    """
    authorise(actor, Perm.TIER_CHANGE)
    check_own_key(idempotency_key)
    check_texts(internal_note=internal_note)
    wish = Wish(
        program_id=program_id,
        tier_id=tier_id,
        until=until,
        internal_note=internal_note,
        trigger_rewards=trigger_rewards,
        seen=seen,
    )
    with transaction.atomic(durable=True):
        account = lock_account(customer_id, program_id)
        signed = wish.as_input(actor, customer_id)
        if replay := _replay(customer_id, idempotency_key, signed):
            return replay
        check_open(account)
        now = timezone.now()
        place = standing_of(customer_id, account.program, at=now)
        if place is None:
            raise Conflict(f"{account.program} has no tiers.")
        to = check_wish(place, wish, now)
        step = _step(account, place, to, wish, (idempotency_key, signed))
        return take_steps(actor, [(account, step)], now)[0]


def check_wish(place: Place, wish: Wish, now: datetime) -> Tier | None:
    """The step that a wish leads to. Raises what `change_tier` raises.

    Reads nothing.
    """
    standing = place.standing
    if wish.seen is not None and wish.seen != (standing.membership_id or 0):
        here = place.tier.name if place.tier else "no tier"
        raise StaleView(
            f"The tier has changed meanwhile: it is {here} now. Look at it and save again."
        )
    if wish.until is not None and wish.until <= now:
        raise InvalidInput("Choose a day in the future, or none.", field="until")
    to = _wanted(place, wish)
    if to is None and wish.until:
        raise InvalidInput("Without a tier there is nothing to end.", field="until")
    if refusal := _unchanged(place, to, wish):
        raise refusal
    earned = next((step for step in place.ladder if step.pk == standing.earned_id), None)
    if earned and (to is None or to.threshold < earned.threshold):
        raise BelowEarned(
            f"{earned.name} has been earned, and a tier given by hand is never less. Choose "
            f"{earned.name} or a higher one.",
            field="tier",
        )
    return to


def _wanted(place: Place, wish: Wish) -> Tier | None:
    if wish.tier_id is None:
        return None
    for tier in place.ladder:
        if tier.pk == wish.tier_id and tier.is_active:
            return tier
    raise InvalidInput("This tier is not in use any more; choose another.", field="tier")


def _unchanged(place: Place, to: Tier | None, wish: Wish) -> DomainError | None:
    standing = place.standing
    if to is None:
        return None if place.tier else InvalidInput("They stand on no tier already.", field="tier")
    same = place.tier == to and standing.floor_id == to.pk and standing.floor_until == wish.until
    return InvalidInput(f"That is how it is: {to.name}.", field="tier") if same else None


def _step(
    account: Account, place: Place, to: Tier | None, wish: Wish, request: tuple[str, str]
) -> Step:
    standing, (key, signed) = place.standing, request
    earned = to is not None and to.pk == standing.earned_id
    gives = steps_up(account.program_id, place.tier, to) if to and wish.trigger_rewards else []
    return Step(
        left=membership_of(standing),
        to=to,
        why=Why.BY_HAND,
        source=TierMembership.Source.MANUAL,
        measure=standing.measure,
        floor=to,
        floor_until=wish.until,
        # What was not earned ends on its day, without a grace.
        lapses_at=None if earned else wish.until,
        gives=gives,
        internal_note=wish.internal_note,
        idempotency_key=key,
        fingerprint=signed,
        more={"key": key, "fingerprint": signed, "trigger_rewards": wish.trigger_rewards},
    )


def _replay(customer_id: int, key: str, signed: str) -> Event | None:
    """What this very request did before, if it did."""
    changes = Event.objects.filter(customer_id=customer_id, kind=CHANGED)
    if event := changes.filter(data__key=key).first():
        check_same_input(event.data["fingerprint"], signed)
        return event
    if TierMembership.objects.filter(idempotency_key=key).exists():
        # Somebody else's change has this key.
        check_same_input("", signed)
    return None
