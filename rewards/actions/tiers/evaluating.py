"""Up at once, down after the window and the grace; never below what was given by hand.

`rewards.selectors.standings` finds whose standing must change, with the same rules as one
condition; what is to be done about it is decided here, for each of them, under the lock of
the account. Members of running programs alone are moved: for everybody else time stands still.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from django.db import DatabaseError, transaction
from django.utils import timezone

from customers.models import Customer
from loyalty_admin.common.actor import Actor
from loyalty_admin.common.errors import DomainError
from rewards.actions.locking import lock_account
from rewards.actions.tiers.gifts import lock_rewards
from rewards.actions.tiers.stepping import Step, Why, take_step
from rewards.models import Account, Program, Tier, TierMembership
from rewards.selectors.standings import Standing, changing_accounts, changing_customers
from rewards.selectors.tiers import has_ladders, higher, members_after, membership_of, steps_up

log = structlog.get_logger(__name__)

BATCH = 1000


def evaluate(actor: Actor, account: Account, at: datetime) -> None:
    """Put the customer of a locked account on the step that is theirs at that time, now.

    `at` is the time of the evaluation. A step counts from then on, so an order that comes in
    late is never multiplied by a step that was reached after it. One query where nothing
    changes, none where the program has no ladder.
    """
    if account.program.tier_basis == Program.TierBasis.NONE:
        return
    for standing in changing_accounts([account.pk], at=at):
        _move(actor, account, standing, at)


def evaluate_many(actor: Actor, account_ids: Sequence[int], at: datetime) -> None:
    """The same for the holders of many accounts, after a batch; part of its transaction.

    One query finds the few whose standing changes; they are locked, and looked at again.
    """
    found = changing_accounts(account_ids, at=at)
    if not found:
        return
    ids = sorted(standing.account_id for standing in found if standing.account_id)
    locked = Account.objects.select_for_update(of=("self",)).filter(pk__in=ids)
    accounts = {
        account.pk: account
        for account in locked.select_related("program", "customer").order_by("pk")
    }
    lock_rewards(Tier.objects.filter(program__in={one.program_id for one in found}))
    for standing in changing_accounts(ids, at=at):
        _move(actor, accounts[standing.account_id or 0], standing, at)


def evaluate_all() -> int:
    """Look at every member on every ladder; how many were moved.

    The system does this every night: windows have moved, graces and floors have ended. Each
    customer commits alone, so a run that is cut off loses nothing, and the next one goes on;
    two runs at once wait for each other's accounts and find nothing left to do.
    """
    actor, moved, last = Actor.system("tiers"), 0, 0
    if not has_ladders():
        return 0
    while ids := members_after(last, limit=BATCH):
        last = ids[-1]
        for standing in changing_customers(ids, at=timezone.now()):
            try:
                moved += _evaluate_one(actor, standing.customer_id, standing.program_id)
            except (DatabaseError, DomainError):
                # One customer who can't be moved must not keep all others where they are.
                log.exception("tier_not_evaluated", customer=standing.customer_id)
    return moved


def _evaluate_one(actor: Actor, customer_id: int, program_id: int) -> bool:
    with transaction.atomic(durable=True):
        account, now = lock_account(customer_id, program_id), timezone.now()
        found = changing_accounts([account.pk], at=now)
        for standing in found:
            _move(actor, account, standing, now)
        return bool(found)


def _move(actor: Actor, account: Account, standing: Standing, at: datetime) -> None:
    """Do what the numbers ask for: go up, go down, begin the grace, or end it."""
    if account.customer.status != Customer.Status.MEMBER:
        return
    ladder = Tier.objects.select_related("entry_reward__offer").in_bulk(
        [pk for pk in (standing.tier_id, standing.earned_id, standing.floor_id) if pk]
    )
    stood, earned, floor = (
        ladder[pk] if pk else None
        for pk in (standing.tier_id, standing.earned_id, standing.floor_id)
    )
    due = higher(earned, floor)
    if stood is None or (due and _is_up(stood, due)):
        if due:
            _step(actor, account, standing, (stood, due, floor), Why.EARNED, at)
    elif earned and earned.threshold >= stood.threshold:
        _set_lapse(standing, None)
    else:
        _lapse(actor, account, standing, (stood, due, floor), at)


def _lapse(
    actor: Actor,
    account: Account,
    standing: Standing,
    tiers: tuple[Tier, Tier | None, Tier | None],
    at: datetime,
) -> None:
    """Too little is there to stay: begin the grace, or end it by stepping down."""
    stood, due, floor = tiers
    held = floor is not None and floor.threshold >= stood.threshold
    lapses_at = standing.lapses_at
    if lapses_at is None:
        lapses_at = at + timedelta(days=account.program.tier_grace_days)
    if held and (standing.floor_until is None or lapses_at <= standing.floor_until):
        _set_lapse(standing, standing.floor_until)
    elif lapses_at > at:
        _set_lapse(standing, lapses_at)
    else:
        why = Why.ENDED if lapses_at == standing.floor_until else Why.LAPSED
        _step(actor, account, standing, (stood, due, floor), why, at)


def _step(
    actor: Actor,
    account: Account,
    standing: Standing,
    tiers: tuple[Tier | None, Tier | None, Tier | None],
    why: Why,
    at: datetime,
) -> None:
    stood, due, floor = tiers
    left = membership_of(standing)
    earned = due is not None and due.pk == standing.earned_id
    source = TierMembership.Source
    step = Step(
        left=left,
        to=due,
        why=why,
        source=source.EARNED if earned else source.MANUAL,
        measure=standing.measure,
        floor=floor,
        floor_until=standing.floor_until,
        # Who is held by the floor alone has no claim to more than its date.
        lapses_at=None if earned else standing.floor_until,
        gives=steps_up(account.program_id, stood, due) if due and _is_up(stood, due) else [],
    )
    take_step(actor, account, step, at)


def _is_up(stood: Tier | None, to: Tier) -> bool:
    return stood is None or to.threshold > stood.threshold


def _set_lapse(standing: Standing, lapses_at: datetime | None) -> None:
    if standing.membership_id and lapses_at != standing.lapses_at:
        TierMembership.objects.filter(pk=standing.membership_id).update(lapses_at=lapses_at)
