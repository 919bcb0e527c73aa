"""Up at once, down after the window and the grace; never below what was given by hand.

`rewards.selectors.standings` finds whose standing must change, with the same rules as one
condition; what is to be done about each of them is decided here, under the lock of the
account. Members of running programs alone are moved: for everybody else time stands still.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import structlog
from django.db import DatabaseError, transaction
from django.utils import timezone

from loyalty_admin.common.actor import Actor
from loyalty_admin.common.errors import DomainError
from rewards.actions.locking import lock_account
from rewards.actions.tiers.gifts import lock_rewards
from rewards.actions.tiers.stepping import Step, Why, take_steps
from rewards.models import Account, Program, Tier, TierMembership
from rewards.selectors.standings import Standing, changing_accounts, changing_customers
from rewards.selectors.tiers import has_ladders, higher, members_after

log = structlog.get_logger(__name__)

BATCH = 1000
"""So many members are looked at by one query of the night."""
MOVES = 200
"""So many of them are moved in one transaction: gifts keep others waiting meanwhile."""


def evaluate(actor: Actor, account: Account, at: datetime) -> None:
    """Put the customer of a locked account on the step that is theirs at that time, now.

    `at` is the time of the evaluation. A step counts from then on, so an order that comes in
    late is never multiplied by a step that was reached after it. One query where nothing
    changes, none where the program has no ladder.
    """
    if account.program.tier_basis != Program.TierBasis.NONE:
        _move(actor, {account.pk: account}, at)


def evaluate_many(actor: Actor, account_ids: Sequence[int], at: datetime) -> None:
    """The same for the holders of many accounts, after a batch; part of its transaction.

    One query finds the few whose standing changes; they are locked, and looked at again.
    """
    move_found(actor, changing_accounts(account_ids, at=at), at)


def evaluate_all() -> int:
    """Look at every member on every ladder; how many were moved.

    The system does this every night: windows have moved, graces and floors have ended. Each
    batch commits by itself, so a run that is cut off loses nothing, and the next one goes on;
    two runs at once wait for each other's accounts and find nothing left to do.
    """
    moved, last = 0, 0
    if not has_ladders():
        return 0
    while ids := members_after(last, limit=BATCH):
        last = ids[-1]
        found = changing_customers(ids, at=timezone.now())
        for first in range(0, len(found), MOVES):
            moved += _move_batch(found[first : first + MOVES])
    return moved


def move_found(actor: Actor, found: Sequence[Standing], at: datetime) -> int:
    """Move those who were found, as far as they still are to be moved; how many were.

    Opens the accounts that are missing and locks all of them in the order of their keys; part
    of the caller's transaction.
    """
    if not found:
        return 0
    missing = [
        Account(customer_id=one.customer_id, program_id=one.program_id)
        for one in found
        if one.account_id is None
    ]
    Account.objects.bulk_create(missing, ignore_conflicts=True)
    wanted = {(one.customer_id, one.program_id) for one in found}
    programs = {program for _, program in wanted}
    locked = (
        Account.objects.select_for_update(of=("self",))
        .select_related("program", "customer")
        .filter(customer_id__in={customer for customer, _ in wanted}, program_id__in=programs)
        .order_by("pk")
    )
    accounts = {
        account.pk: account
        for account in locked
        if (account.customer_id, account.program_id) in wanted
    }
    lock_rewards(Tier.objects.filter(program__in=programs))
    return _move(actor, accounts, at)


def _move_batch(found: Sequence[Standing]) -> int:
    """Move a batch of the night; one by one where that fails, so that one keeps nobody else."""
    actor = Actor.system("tiers")
    try:
        with transaction.atomic(durable=True):
            return move_found(actor, found, timezone.now())
    except (DatabaseError, DomainError):
        log.exception("tiers_not_evaluated", customers=len(found))
    return sum(_move_one(actor, standing) for standing in found)


def _move_one(actor: Actor, standing: Standing) -> int:
    try:
        with transaction.atomic(durable=True):
            account = lock_account(standing.customer_id, standing.program_id)
            return _move(actor, {account.pk: account}, timezone.now())
    except (DatabaseError, DomainError):
        log.exception("tier_not_evaluated", customer=standing.customer_id)
        return 0


def _move(actor: Actor, accounts: Mapping[int, Account], at: datetime) -> int:
    """Do what the numbers ask for the holders of locked accounts; how many that concerns."""
    found = changing_accounts(list(accounts), at=at)
    if not found:
        return 0
    programs = {one.program_id for one in found}
    tiers = Tier.objects.filter(program__in=programs).select_related("entry_reward__offer")
    ladder = {tier.pk: tier for tier in tiers.order_by("threshold")}
    stood = TierMembership.objects.select_related("tier").in_bulk(
        [one.membership_id for one in found if one.membership_id]
    )
    steps = []
    for one in found:
        account, left = accounts[one.account_id or 0], stood.get(one.membership_id or 0)
        step = _decide(account.program, one, left, ladder, at)
        if isinstance(step, Step):
            steps.append((account, step))
        elif left:
            left.lapses_at = step
    waiting = [row for row in stood.values() if row.pk not in {_left(step) for _, step in steps}]
    TierMembership.objects.bulk_update(waiting, ["lapses_at"])
    if steps:
        take_steps(actor, steps, at)
    return len(found)


def _left(step: Step) -> int | None:
    return step.left.pk if step.left else None


def _decide(
    program: Program,
    standing: Standing,
    left: TierMembership | None,
    ladder: Mapping[int, Tier],
    at: datetime,
) -> Step | datetime | None:
    """The step to take; or, for whoever stays, when the present one is lost (None: not)."""
    earned, floor = ladder.get(standing.earned_id or 0), ladder.get(standing.floor_id or 0)
    due = higher(earned, floor)
    if left is None or (due and due.threshold > left.tier.threshold):
        return _step(standing, left, (due, floor), ladder, Why.EARNED)
    if earned and earned.threshold >= left.tier.threshold:
        return None
    # Too little is there to stay: the grace begins, or has ended.
    held = floor is not None and floor.threshold >= left.tier.threshold
    lapses_at = standing.lapses_at or at + timedelta(days=program.tier_grace_days)
    if held and (standing.floor_until is None or lapses_at <= standing.floor_until):
        return standing.floor_until
    if lapses_at > at:
        return lapses_at
    why = Why.ENDED if lapses_at == standing.floor_until else Why.LAPSED
    return _step(standing, left, (due, floor), ladder, why)


def _step(
    standing: Standing,
    left: TierMembership | None,
    tiers: tuple[Tier | None, Tier | None],
    ladder: Mapping[int, Tier],
    why: Why,
) -> Step:
    due, floor = tiers
    earned = due is not None and due.pk == standing.earned_id
    source = TierMembership.Source
    return Step(
        left=left,
        to=due,
        why=why,
        source=source.EARNED if earned else source.MANUAL,
        measure=standing.measure,
        floor=floor,
        floor_until=standing.floor_until,
        # Who is held by the floor alone has no claim to more than its date.
        lapses_at=None if earned else standing.floor_until,
        gives=_climbed(ladder, left.tier if left else None, due) if due else (),
    )


def _climbed(ladder: Mapping[int, Tier], stood: Tier | None, to: Tier) -> list[Tier]:
    """The steps in use that are reached or passed on the way up, lowest first."""
    return [
        tier
        for tier in ladder.values()
        if tier.program_id == to.program_id
        and tier.is_active
        and (stood is None or tier.threshold > stood.threshold)
        and tier.threshold <= to.threshold
    ]
