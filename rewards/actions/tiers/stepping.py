"""A customer goes from one step of a ladder to another: the rows, the gifts, and the telling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import uuid4

from activity.actions.recording import Act, authored, record_act
from activity.models import Event
from loyalty_admin.common.actor import Actor
from rewards.actions.tiers.gifts import Gift, give_entries
from rewards.models import Account, Tier, TierMembership

CHANGED = "tier.changed"


class Why(StrEnum):
    """What brought a change about."""

    EARNED = "earned"
    LAPSED = "lapsed"
    ENDED = "ended"
    BY_HAND = "by_hand"
    UNDONE = "undone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A change of step, decided; `left` and `to` are None for standing on none.

    `measure` is what the customer had reached, in units or money. `floor` is the step given
    by hand that holds on, `gives` the steps whose entry gifts are due.
    """

    left: TierMembership | None
    to: Tier | None
    why: Why
    source: TierMembership.Source = TierMembership.Source.EARNED
    measure: Decimal = Decimal(0)
    floor: Tier | None = None
    floor_until: datetime | None = None
    lapses_at: datetime | None = None
    gives: Sequence[Tier] = ()
    internal_note: str = ""
    idempotency_key: str = ""
    fingerprint: str = ""
    more: Mapping[str, object] = field(default_factory=dict)


def take_step(actor: Actor, account: Account, step: Step, at: datetime) -> TierMembership | None:
    """Write a change of step of a locked account's holder; the membership that it opened.

    Whoever was on a step is on it until the very moment at which they are on the next. `at`
    is the moment of the change, never the date of what brought it about.
    """
    at = max(at, step.left.since) if step.left else at
    gifts = give_entries(actor, account, step.gives, at)
    if step.left:
        TierMembership.objects.filter(pk=step.left.pk).update(ended_at=at)
    opened = _open(actor, account, step, step.to, at) if step.to else None
    _tell(actor, account, step, opened, gifts, at)
    return opened


def latest_change(customer_id: int) -> Event:
    """The event of the change that was just made; the account's lock keeps others away."""
    return Event.objects.filter(customer_id=customer_id, kind=CHANGED).latest("pk")


def _open(actor: Actor, account: Account, step: Step, to: Tier, at: datetime) -> TierMembership:
    return TierMembership.objects.create(
        customer_id=account.customer_id,
        program_id=account.program_id,
        tier=to,
        source=step.source,
        since=at,
        lapses_at=step.lapses_at,
        floor=step.floor,
        floor_until=step.floor_until if step.floor else None,
        internal_note=step.internal_note,
        # Nobody repeats what follows by itself; the lock makes it happen once.
        idempotency_key=step.idempotency_key or f"tier:{uuid4()}",
        fingerprint=step.fingerprint,
        **authored(actor),
    )


def _tell(
    actor: Actor,
    account: Account,
    step: Step,
    opened: TierMembership | None,
    gifts: Sequence[Gift],
    at: datetime,
) -> None:
    left, floor_until = step.left, step.floor_until
    data: dict[str, Any] = {
        **account.program.in_words(),
        "basis": account.program.tier_basis,
        "currency": account.program.currency,
        "why": step.why,
        "from": left.tier.name if left else None,
        "to": step.to.name if step.to else None,
        "multiplier": step.to.multiplier if step.to else None,
        "measure": step.measure,
        "left": left.pk if left else None,
        "opened": opened.pk if opened else None,
        "until": floor_until if step.to and step.to == step.floor else None,
        "internal_note": step.internal_note,
        "gifts": [gift.as_json() for gift in gifts],
        **step.more,
    }
    act = Act(
        verb=CHANGED,
        object_type="tier_membership",
        object_id=data["opened"] or data["left"],
        customer_id=account.customer_id,
        before={"tier": data["from"], "until": left.floor_until if left else None},
        after={"tier": data["to"]} | data,
    )
    record_act(actor, act, kind=CHANGED, occurred_at=at, data=data)
