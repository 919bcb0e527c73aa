"""Units earned by what is no order: signing up, a review, a friend, a birthday."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from activity.actions.recording import Act, record_act
from activity.models import Event
from customers.actions.customers import REMOVED
from customers.hooks import Earning
from customers.models import Customer
from loyalty_admin.common.actor import Actor
from loyalty_admin.staff.models import Store
from rewards.actions.earning import Earned, earn, multipliers, versions_in_force
from rewards.actions.locking import lock_accounts
from rewards.actions.posting import Posting
from rewards.models import EarningRuleVersion, Operation
from rewards.rules import ONE, multiplied

Trigger = EarningRuleVersion.Trigger

EARNED = "event.earned"


def earn_for_enrolment(actor: Actor, customer: Customer) -> None:
    """Credit what signing up earns: once in a lifetime, on the day of joining.

    Who comes back after having been taken out signs up for nothing new.
    """
    came_back = Event.objects.filter(customer=customer, kind=REMOVED).exists()
    if customer.joined_at and not came_back:
        earn_for_event(actor, customer, Trigger.SIGN_UP, at=customer.joined_at)


def earn_for_event(
    actor: Actor,
    customer: Customer,
    trigger: str,
    *,
    at: datetime,
    reference: str = "",
    store: Store | None = None,
) -> list[Earning]:
    """Credit what an event earns; the same one again, told by its reference, earns nothing.

    Runs in the caller's transaction. `store` is where it happened, if it happened in one.
    Only members earn.
    """
    versions = [v for v in versions_in_force(at, trigger) if _counts(v, at, store)]
    if not versions or customer.status != Customer.Status.MEMBER:
        return []
    programs = sorted({version.rule.program_id for version in versions})
    posting = Posting(
        actor=actor,
        customer_id=customer.pk,
        kind=Operation.Kind.EARN,
        idempotency_key=event_key(customer.pk, trigger, reference),
        occurred_at=at,
        reference=reference[:80],
    )
    lock_accounts(customer.pk, programs)
    # Looked up after the lock: a twin that we waited for has earned it.
    if Operation.objects.filter(idempotency_key=posting.idempotency_key).exists():
        return []
    tiers = multipliers(customer.pk, versions, at)
    earned = [
        Earned(version, multiplied(version.rule.program, version.units, by), by)
        for version in versions
        for by in [tiers.get(version.pk, ONE)]
    ]
    told = earn(posting, earned)
    if told:
        _tell(posting, trigger, told)
    return told


def _counts(version: EarningRuleVersion, at: datetime, store: Store | None) -> bool:
    return (
        (not version.stores or (store is not None and store.code in version.stores))
        and (not version.channels or (store is not None and store.kind in version.channels))
        and (version.starts_at is None or version.starts_at <= at)
        and (version.ends_at is None or at < version.ends_at)
    )


def _tell(posting: Posting, trigger: str, told: Sequence[Earning]) -> None:
    data = {
        "trigger": trigger,
        "reference": posting.reference,
        "earned": [asdict(earning) for earning in told],
    }
    act = Act(
        verb=EARNED,
        object_type="customer",
        object_id=posting.customer_id,
        customer_id=posting.customer_id,
        after=data,
    )
    record_act(posting.actor, act, kind=EARNED, occurred_at=posting.occurred_at, data=data)


def event_key(customer_id: int, trigger: str, reference: str = "") -> str:
    """The idempotency key of what an event earns: once for each reference."""
    return f"event:{trigger}:{customer_id}:{reference}"
