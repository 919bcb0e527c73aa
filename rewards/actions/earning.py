"""Units earned by orders."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import F, Q
from django.utils import timezone

from customers.hooks import Earning
from customers.models import Customer, Order, OrderLine
from loyalty_admin.common.actor import Actor
from rewards.actions.balances import credit, expiry_of
from rewards.actions.locking import lock_accounts
from rewards.actions.posting import NewLot, Posting, post
from rewards.models import Account, EarningRuleVersion, Entry, Operation, Program
from rewards.rules import units_for


def earning_key(store_code: str, number: str, completions: int = 1) -> str:
    """The idempotency key of what an order earns: it is earned once, however it came in.

    The length says where the store's code ends, so no two orders share a key. An order that
    was cancelled and completed again earns again: `completions` counts.
    """
    key = f"order:{len(store_code)}:{store_code}:{number}"
    return key if completions == 1 else f"again:{completions}:{key}"


def earn_for_order(actor: Actor, order: Order, lines: Sequence[OrderLine]) -> list[Earning]:
    """Credit what a new order earns, in every active program; part of recording the order.

    Runs inside the transaction that writes the order, whose unique number makes it happen
    once. Only members earn. The order carries its store and customer.
    """
    if order.customer is None or order.customer.status != Customer.Status.MEMBER:
        return []
    earned = [
        (version, units)
        for version in versions_in_force(order.placed_at)
        if (units := units_for(version, version.rule.program, order, lines))
    ]
    if not earned:
        return []
    accounts = lock_accounts(
        order.customer.pk, sorted({version.rule.program_id for version, _ in earned})
    )
    posting = Posting(
        actor=actor,
        customer_id=order.customer.pk,
        kind=Operation.Kind.EARN,
        idempotency_key=earning_key(order.store.code, order.number),
        occurred_at=order.placed_at,
        order_id=order.pk,
    )
    now = timezone.now()
    totals: dict[int, int] = defaultdict(int)
    for version, units in earned:
        _earn(posting, accounts[version.rule.program_id], version, units, now)
        totals[version.rule.program_id] += units
    post(posting)
    return [_told(accounts[pk].program, units, order, now) for pk, units in totals.items()]


def _earn(
    posting: Posting, account: Account, version: EarningRuleVersion, units: int, now: datetime
) -> None:
    program = account.program
    available_at = _available_at(program, posting.occurred_at)
    expires_at = expiry_of(program, available_at, None)
    if available_at > now:
        lot = NewLot(units, available_at, expires_at, is_pending=True)
        posting.add(
            account,
            Entry.Kind.EARNED,
            units,
            bucket=Entry.Bucket.PENDING,
            lot=lot,
            rule_version_id=version.pk,
        )
    else:
        kind = Entry.Kind.EARNED
        credit(posting, account, kind, units, available_at, expires_at, rule_version_id=version.pk)


def _available_at(program: Program, placed_at: datetime) -> datetime:
    return placed_at + timedelta(days=program.pending_days)


def _told(program: Program, units: int, order: Order, now: datetime) -> Earning:
    available_at = _available_at(program, order.placed_at)
    return Earning(
        program_id=program.pk,
        program=program.name,
        units=units,
        unit_name=program.unit_singular if units == 1 else program.unit_plural,
        pending_until=available_at if available_at > now else None,
    )


def versions_in_force(at: datetime) -> list[EarningRuleVersion]:
    """The version of each active rule of each active program that was in force then.

    In the order of the rules, with rule and program.
    """
    return list(
        EarningRuleVersion.objects.filter(
            Q(effective_from__isnull=True) | Q(effective_from__lte=at),
            rule__is_active=True,
            rule__program__status=Program.Status.ACTIVE,
        )
        .select_related("rule__program")
        .order_by("rule_id", F("effective_from").desc(nulls_last=True), "-number")
        .distinct("rule_id")
    )
