"""A change by hand undone: the step before it is back, and what it gave is taken back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from activity.models import Event
from loyalty_admin.common.actor import Actor
from loyalty_admin.common.errors import AlreadyReversed, Conflict, NotFound
from loyalty_admin.common.idempotency import check_key
from loyalty_admin.staff.permissions import Perm, authorise
from rewards.actions.locking import lock_account
from rewards.actions.moving import check_open
from rewards.actions.posting import Posting, post
from rewards.actions.redemption_parts import lock_redemption
from rewards.actions.redemption_states import take_away
from rewards.actions.settling import settle
from rewards.actions.taking_back import record_shortfalls, take_back
from rewards.actions.tiers.evaluating import evaluate
from rewards.actions.tiers.stepping import CHANGED, Step, Why, take_steps
from rewards.models import Account, Operation, Program, Redemption, TierMembership
from rewards.selectors.tiers import UNDO_OF_GIFT, standing_of, undo_of

REASON = "Change of tier undone"


@dataclass(slots=True)
class Recovered:
    """What became of the gifts: units taken back and not, rewards taken away and not."""

    units: int = 0
    units_kept: int = 0
    rewards: list[str] = field(default_factory=list)
    rewards_kept: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, object]:
        """As the event of the undo keeps it."""
        return {
            "taken_units": self.units,
            "kept_units": self.units_kept,
            "taken_rewards": self.rewards,
            "kept_rewards": self.rewards_kept,
        }


def undo_tier_change(
    *, actor: Actor, customer_id: int, change_id: int, idempotency_key: str
) -> Event:
    """Undo the change by hand of this event, once; answers the event of the undo.

    The step before is back, with its floor and its grace; then the numbers are asked again.
    Rewards that the change gave are taken away unless they were used, and its units as far as
    they are still there (or as a debt, where the program allows it). Raises NotFound,
    NotEnrolled, AlreadyReversed, Conflict when the tier has changed since.
    """
    authorise(actor, Perm.TIER_CHANGE)
    check_key(idempotency_key)
    change = _change(customer_id, change_id)
    with transaction.atomic(durable=True):
        account = lock_account(customer_id, change.data["program_id"])
        if undo := undo_of(change):
            if undo.data["key"] == idempotency_key:
                return undo
            raise AlreadyReversed("This change of tier has been undone already.")
        check_open(account)
        left, before = _memberships(change)
        now = timezone.now()
        recovered = _recover(actor, account, change.data["gifts"], now)
        more = {"undoes": change.pk, "key": idempotency_key} | recovered.as_json()
        step = _back(left, before, idempotency_key, more)
        undo = take_steps(actor, [(account, step)], now)[0]
        evaluate(actor, account, now)
        return undo


def step_back(actor: Actor, account: Account, original: Operation, now: datetime) -> None:
    """Take back the step that an adjustment alone had brought, with its gifts.

    Part of undoing the adjustment, which is posted already; a mistake of one key must not
    leave somebody on a step, nor with its gifts. A step that is earned without it stays.
    """
    if account.program.tier_basis == Program.TierBasis.NONE:
        return
    brought = TierMembership.objects.filter(
        customer_id=account.customer_id,
        program_id=account.program_id,
        ended_at__isnull=True,
        source=TierMembership.Source.EARNED,
        since=original.occurred_at,
    ).select_related("tier")
    place = standing_of(account.customer_id, account.program, at=now)
    if place is None or not place.missing_to_stay or (left := brought.first()) is None:
        return
    changes = Event.objects.filter(customer_id=account.customer_id, kind=CHANGED)
    change = changes.filter(occurred_at=left.since, object_id=left.pk).first()
    if change is None:
        return
    rows = TierMembership.objects.select_related("tier", "floor")
    before = rows.filter(pk=change.data["left"]).first()
    recovered = _recover(actor, account, change.data["gifts"], now)
    more = {"undoes": change.pk, "key": ""} | recovered.as_json()
    take_steps(actor, [(account, _back(left, before, "", more))], now)


def _change(customer_id: int, change_id: int) -> Event:
    change = Event.objects.filter(customer_id=customer_id, kind=CHANGED, pk=change_id).first()
    if change is None or change.data["why"] != Why.BY_HAND:
        raise NotFound("There is no such change of tier.")
    return change


def _memberships(change: Event) -> tuple[TierMembership | None, TierMembership | None]:
    """The membership that is open now, and the one before the change."""
    rows = TierMembership.objects.select_related("tier", "floor").filter(
        customer_id=change.customer_id, program_id=change.data["program_id"]
    )
    latest = rows.order_by("-since", "-pk").first()
    opened, before = change.data["opened"], change.data["left"]
    expected = opened or before
    still_so = latest is not None and latest.pk == expected
    if not still_so or (latest is not None and (latest.ended_at is None) != bool(opened)):
        raise Conflict("The tier has changed since, so this can't be undone. Change it by hand.")
    return latest if opened else None, rows.filter(pk=before).first()


def _back(
    left: TierMembership | None,
    before: TierMembership | None,
    key: str,
    more: Mapping[str, object],
) -> Step:
    if before is None:
        return Step(left=left, to=None, why=Why.UNDONE, more=more)
    return Step(
        left=left,
        to=before.tier,
        why=Why.UNDONE,
        source=TierMembership.Source(before.source),
        floor=before.floor,
        floor_until=before.floor_until,
        lapses_at=before.lapses_at,
        idempotency_key=key,
        more=more,
    )


def _recover(
    actor: Actor, account: Account, gifts: list[dict[str, Any]], now: datetime
) -> Recovered:
    recovered = Recovered()
    for gift in gifts:
        if gift["operation_id"]:
            _take_units(actor, account, gift["operation_id"], recovered, now)
        if gift["redemption_id"]:
            _take_reward(actor, gift["redemption_id"], recovered, now)
    return recovered


def _take_units(
    actor: Actor, account: Account, operation_id: int, recovered: Recovered, now: datetime
) -> None:
    if Operation.objects.filter(reverses_id=operation_id).exists():
        return  # somebody has taken them back before
    posting = Posting(
        actor=actor,
        customer_id=account.customer_id,
        kind=Operation.Kind.REVERSE,
        idempotency_key=f"{UNDO_OF_GIFT}{operation_id}",
        occurred_at=now,
        reverses_id=operation_id,
        counts_for_tier=False,
    )
    lots, missing, units = settle(account, now), 0, 0
    for entry in Operation.objects.get(pk=operation_id).entries.order_by("pk"):
        units += entry.amount
        missing += take_back(posting, account, entry, entry.amount, lots)
    record_shortfalls(post(posting), [(account, missing)])
    recovered.units += units - missing
    recovered.units_kept += missing


def _take_reward(actor: Actor, redemption_id: int, recovered: Recovered, now: datetime) -> None:
    redemption = lock_redemption(redemption_id)
    name = redemption.reward.name
    if redemption.status == Redemption.Status.OUTSTANDING:
        take_away(actor, redemption, REASON, now)
        recovered.rewards.append(name)
        # It counts as not given: who earns the step later gets it then.
        redemption.tier = None
        redemption.save(update_fields=["tier"])
    elif redemption.status == Redemption.Status.USED:
        recovered.rewards_kept.append(name)
