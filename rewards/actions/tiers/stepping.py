"""A customer goes from one step of a ladder to another: the rows, the gifts, and the telling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import uuid4

from django.db.models import F, Value
from django.db.models.functions import Greatest

from activity.actions.recording import Act, Data, authored, record_acts
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


def take_steps(actor: Actor, steps: Sequence[tuple[Account, Step]], at: datetime) -> list[Event]:
    """Write changes of step of the holders of locked accounts; the events that tell of them.

    Whoever was on a step is on it until the very moment at which they are on the next. `at`
    is the moment of the change, never the date of what brought it about. As many statements
    for many as for one, but for the gifts.
    """
    gifts = [give_entries(actor, account, step.gives, at) for account, step in steps]
    left = [step.left.pk for _, step in steps if step.left]
    TierMembership.objects.filter(pk__in=left).update(ended_at=Greatest(F("since"), Value(at)))
    rows = [_row(actor, account, step, step.to, at) if step.to else None for account, step in steps]
    TierMembership.objects.bulk_create(row for row in rows if row)
    acts = [
        _told(account, step, row, given)
        for (account, step), row, given in zip(steps, rows, gifts, strict=True)
    ]
    return record_acts(actor, acts, kind=CHANGED, occurred_at=at)


def _row(actor: Actor, account: Account, step: Step, to: Tier, at: datetime) -> TierMembership:
    return TierMembership(
        customer_id=account.customer_id,
        program_id=account.program_id,
        tier=to,
        source=step.source,
        since=max(at, step.left.since) if step.left else at,
        lapses_at=step.lapses_at,
        floor=step.floor,
        floor_until=step.floor_until if step.floor else None,
        internal_note=step.internal_note,
        # Nobody repeats what follows by itself; the lock makes it happen once.
        idempotency_key=step.idempotency_key or f"tier:{uuid4()}",
        fingerprint=step.fingerprint,
        **authored(actor),
    )


def _told(
    account: Account, step: Step, opened: TierMembership | None, gifts: Sequence[Gift]
) -> tuple[Act, Data]:
    left = step.left
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
        "until": step.floor_until if step.to and step.to == step.floor else None,
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
    return act, data
