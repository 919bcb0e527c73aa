"""Rewards bought with units, given for full cards and new tiers, and cancelled again."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from activity.actions.recording import authored
from discounts.actions.codes import CodeUsed, issue_code, lock_code, void_code
from discounts.models import DiscountCode
from loyalty_admin.common.actor import Actor
from loyalty_admin.common.errors import AlreadyReversed, Conflict, NotFound, NotReversible
from loyalty_admin.common.idempotency import check_key
from loyalty_admin.staff.permissions import Perm, authorise
from rewards.actions.giving_back import Returned, give_back
from rewards.actions.locking import lock_account
from rewards.actions.moving import (
    check_fresh,
    check_member,
    check_open,
    check_own_key,
    debit,
    find_replay,
)
from rewards.actions.posting import Posting, post
from rewards.actions.redemption_parts import (
    check_reason,
    lock_redemption,
    record_redemption,
    return_to_stock,
    take_from_stock,
)
from rewards.actions.settling import settle
from rewards.models import Account, Entry, Operation, Redemption, Reward, Tier
from rewards.selectors.obstacles import obstacle_to, sold_out, wallet_of

REDEEMED, GIVEN, CANCELLED = "reward.redeemed", "reward.given", "reward.cancelled"


def redeem_reward(
    *,
    actor: Actor,
    customer_id: int,
    reward_id: int,
    idempotency_key: str,
    expected_balance: int | None = None,
) -> Redemption:
    """Buy a reward with units of its program; makes its discount code, if it is one.

    `expected_balance` is the balance that the actor saw. Raises NotFound, Conflict for a
    program that does not run, NotEnrolled, StaleView, NotOffered, TierTooLow, LimitReached,
    SoldOut, InsufficientBalance, IdempotencyConflict.
    """
    authorise(actor, Perm.BALANCE_SPEND)
    check_own_key(idempotency_key)
    program_id = _program_of(reward_id)
    with transaction.atomic(durable=True):
        account = lock_account(customer_id, program_id)
        now = timezone.now()
        posting = Posting(
            actor=actor,
            customer_id=customer_id,
            kind=Operation.Kind.REDEEM,
            idempotency_key=idempotency_key,
            occurred_at=now,
        )
        posting.sign(reward=reward_id)
        if replay := find_replay(posting):
            return Redemption.objects.select_related("reward", "code").get(operation=replay)
        lots = settle(account, now)
        check_open(account)
        check_fresh(account, expected_balance)
        # Read after the lock: what it costs now is what is taken.
        reward = Reward.objects.select_related("offer", "minimum_tier").get(pk=reward_id)
        wallet = wallet_of(customer_id, account.program, account.balance, [reward])
        if obstacle := obstacle_to(reward, wallet, now):
            raise obstacle.error(obstacle.sentence, field="reward")
        from_stock = _buy_from_stock(reward)
        debit(posting, account, Entry.Kind.SPENT, reward.cost, lots)
        redemption = Redemption(
            reward=reward,
            operation=post(posting),
            source=Redemption.Source.SPENT,
            units=reward.cost,
            from_stock=from_stock,
            idempotency_key=idempotency_key,
        )
        _issue(actor, account, redemption, now)
        _tell(actor, account, redemption, REDEEMED)
        return redemption


def give_reward(
    *,
    actor: Actor,
    account: Account,
    reward: Reward,
    source: Redemption.Source,
    idempotency_key: str,
    at: datetime,
    operation: Operation | None = None,
    tier: Tier | None = None,
    position: int | None = None,
    units: int = 0,
) -> Redemption:
    """Give what a full card or a new tier brings; part of the caller's act, account locked.

    `operation` took `units` off the card. What is due is given even where it has run out,
    is switched off, or is for others. A key that gave before answers what it gave.
    """
    given = Redemption.objects.filter(idempotency_key=idempotency_key).first()
    if given is not None:
        return given
    redemption = Redemption(
        reward=reward,
        operation=operation,
        source=source,
        tier=tier,
        position=position,
        units=units,
        from_stock=take_from_stock(reward),
        idempotency_key=idempotency_key,
    )
    _issue(actor, account, redemption, at)
    _tell(actor, account, redemption, GIVEN)
    return redemption


def cancel_redemption(
    *, actor: Actor, redemption_id: int, idempotency_key: str, reason: str = ""
) -> Redemption:
    """Take a reward back and return its units, each to the lot that it came from.

    A lot that has expired meanwhile comes back with the program's grace. The code is voided,
    the stock returns. A card is not given again at once for the stamps that come back.
    Raises NotFound, Conflict when it was used, AlreadyReversed, NotReversible for what
    nothing was spent on, NotEnrolled, IdempotencyConflict.
    """
    authorise(actor, Perm.BALANCE_UNDO)
    check_key(idempotency_key)
    check_reason(reason)
    known = _known(redemption_id)
    with transaction.atomic(durable=True):
        account = lock_account(known.customer_id, known.account.program_id)
        now = timezone.now()
        posting = Posting(
            actor=actor,
            customer_id=known.customer_id,
            kind=Operation.Kind.REVERSE,
            idempotency_key=idempotency_key,
            occurred_at=now,
            reverses_id=known.operation_id,
        )
        posting.sign(redemption=redemption_id)
        posting.internal_note = reason
        redemption = lock_redemption(redemption_id)
        if find_replay(posting):
            return redemption
        operation = check_cancellable(redemption)
        check_member(account)
        settle(account, now)
        returned = [
            lot
            for entry in operation.entries.order_by("pk")
            for lot in give_back(posting, account, entry)
        ]
        post(posting)
        _close_cancelled(actor, redemption, reason, now)
        more = _returned(account, redemption, returned) | {"reason": reason}
        record_redemption(actor, redemption, CANCELLED, now, more)
        return redemption


def _program_of(reward_id: int) -> int:
    program_id = Reward.objects.filter(pk=reward_id).values_list("program_id", flat=True).first()
    if program_id is None:
        raise NotFound("There is no such reward.")
    return program_id


def _known(redemption_id: int) -> Redemption:
    known = Redemption.objects.select_related("account").filter(pk=redemption_id).first()
    if known is None:
        raise NotFound("There is no such redemption.")
    return known


def _buy_from_stock(reward: Reward) -> bool:
    """Take one, where the stock is limited; whether it is. Raises SoldOut."""
    taken = take_from_stock(reward)
    if reward.stock is not None and not taken:
        obstacle = sold_out(reward)
        raise obstacle.error(obstacle.sentence, field="reward")
    return taken


def _issue(actor: Actor, account: Account, redemption: Redemption, at: datetime) -> None:
    """Make the code, if the reward is one, and store the redemption."""
    reward = redemption.reward
    redemption.customer_id, redemption.account = account.customer_id, account
    redemption.created_at = at
    if reward.offer is not None:
        redemption.code = issue_code(
            actor=actor,
            offer=reward.offer,
            customer_id=account.customer_id,
            source=_CODE_SOURCES[Redemption.Source(redemption.source)],
            at=at,
            valid_days=reward.valid_days,
        )
        redemption.expires_at = redemption.code.expires_at
    elif reward.valid_days:
        redemption.expires_at = at + timedelta(days=reward.valid_days)
    for name, value in authored(actor).items():
        setattr(redemption, name, value)
    redemption.save(force_insert=True)


_CODE_SOURCES = {
    Redemption.Source.SPENT: DiscountCode.Source.REDEMPTION,
    Redemption.Source.CARD: DiscountCode.Source.CARD,
    Redemption.Source.TIER: DiscountCode.Source.TIER,
}


def _tell(actor: Actor, account: Account, redemption: Redemption, kind: str) -> None:
    more = {
        "kind": redemption.reward.kind,
        "tier": redemption.tier.name if redemption.tier else "",
        "position": redemption.position,
        "before": account.balance + redemption.units,
        "after": account.balance,
        "expires_at": redemption.expires_at,
    }
    record_redemption(actor, redemption, kind, redemption.created_at, more, before="")


def check_cancellable(redemption: Redemption) -> Operation:
    """The operation that paid for it. Raises Conflict with the reason why it stays."""
    status = Redemption.Status
    closed = timezone.localtime(redemption.closed_at) if redemption.closed_at else None
    on = f" on {closed:%Y-%m-%d}" if closed else ""
    if redemption.status == status.USED:
        raise Conflict(f"“{redemption.reward}” was used{on}, so it can't be cancelled.")
    if redemption.status == status.CANCELLED:
        raise AlreadyReversed(f"“{redemption.reward}” was taken away{on} already.")
    if redemption.operation is None:
        raise NotReversible(
            f"“{redemption.reward}” was given, not bought: there are no units to return. "
            "Remove it instead."
        )
    code = redemption.code
    if code and code.status == DiscountCode.Status.USED and code.used_at:
        used_at = timezone.localtime(code.used_at)
        raise CodeUsed(
            f"The code {code} was used on {used_at:%Y-%m-%d}, so “{redemption.reward}” can't be "
            "cancelled."
        )
    return redemption.operation


def _close_cancelled(actor: Actor, redemption: Redemption, reason: str, at: datetime) -> None:
    redemption.status, redemption.closed_at = Redemption.Status.CANCELLED, at
    redemption.closing_note = reason
    redemption.save(update_fields=["status", "closed_at", "closing_note"])
    return_to_stock(redemption)
    if redemption.code_id:
        code = lock_code(redemption.code_id)
        void_code(actor=actor, code=code, reason=reason or "Redemption cancelled", at=at)
        redemption.code = code


def _returned(
    account: Account, redemption: Redemption, returned: list[Returned]
) -> dict[str, object]:
    return {
        "before": account.balance - redemption.units,
        "after": account.balance,
        "lots": [asdict(lot) for lot in returned],
    }
