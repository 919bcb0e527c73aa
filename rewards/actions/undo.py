"""Undo: a reversing operation that gives back, or takes back, exactly what was moved."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from activity.actions.recording import Act, record_act
from loyalty_admin.common.actor import Actor
from loyalty_admin.common.errors import (
    AlreadyReversed,
    InsufficientBalance,
    NotFound,
    NotReversible,
)
from loyalty_admin.common.idempotency import check_key
from loyalty_admin.staff.permissions import Perm, authorise
from rewards.actions.consequences import follow
from rewards.actions.giving_back import give_back
from rewards.actions.locking import lock_accounts
from rewards.actions.moving import check_member, find_replay, take_from
from rewards.actions.posting import Posting, Take, post
from rewards.actions.settling import settle
from rewards.actions.taking_back import expired_since
from rewards.actions.tiers import step_back
from rewards.models import Account, Entry, Lot, Operation

REVERSED = "ledger.reversed"


def reverse_operation(*, actor: Actor, operation_id: int, idempotency_key: str) -> Operation:
    """Undo a manual operation, once.

    A debit gives back to each lot what it took; a lot that has expired meanwhile comes
    back with the program's grace. A credit, and what was reinstated, takes back its own units
    first, then others; what expired of its own is gone already. When too few are left, the
    program decides between a debt and a refusal. Raises NotFound, NotReversible,
    NotEnrolled, AlreadyReversed, InsufficientBalance, IdempotencyConflict.
    """
    authorise(actor, Perm.BALANCE_UNDO)
    check_key(idempotency_key)
    with transaction.atomic(durable=True):
        original = _original(operation_id)
        entries = list(original.entries.select_related("account").order_by("pk"))
        accounts = _lock(original.customer_id, entries)
        now = timezone.now()
        posting = Posting(
            actor=actor,
            customer_id=original.customer_id,
            kind=Operation.Kind.REVERSE,
            idempotency_key=idempotency_key,
            occurred_at=now,
            reverses_id=original.pk,
            counts_for_tier=original.counts_for_tier,
        )
        posting.sign()
        if replay := find_replay(posting):
            return replay
        # Looked up after the lock: of two who undo at once, the second sees the first.
        if Operation.objects.filter(reverses_id=original.pk).exists():
            raise AlreadyReversed("This has been undone already.")
        for account in accounts.values():
            check_member(account)
        lots = {pk: settle(account, now) for pk, account in accounts.items()}
        before = {account.program_id: account.balance for account in accounts.values()}
        for entry in entries:
            account = accounts[entry.account_id]
            _reverse_entry(posting, account, entry, lots[account.pk])
        return _finish(posting, original, accounts, before)


def _original(operation_id: int) -> Operation:
    original = Operation.objects.filter(pk=operation_id).first()
    if original is None:
        raise NotFound("There is no such operation.")
    if original.kind not in Operation.MANUAL:
        raise NotReversible("Only what was done by hand can be undone.")
    return original


def _lock(customer_id: int, entries: Sequence[Entry]) -> dict[int, Account]:
    programs = sorted({entry.account.program_id for entry in entries})
    return {account.pk: account for account in lock_accounts(customer_id, programs).values()}


def _reverse_entry(posting: Posting, account: Account, entry: Entry, lots: Sequence[Lot]) -> None:
    if entry.amount < 0:
        give_back(posting, account, entry)
        return
    # What was reinstated brought no lot of its own: it went to those that had lost it.
    reinstated = entry.kind == Entry.Kind.REVERSED
    gave = set(entry.allocations.values_list("lot_id", flat=True)) if reinstated else set()
    own = Lot.objects.filter(Q(entry=entry) | Q(pk__in=gave))
    units = entry.amount - expired_since(own, entry)
    if units <= 0:
        raise NotReversible("These units have expired already, so there is nothing to take back.")
    own_first = sorted(lots, key=lambda lot: lot.entry_id != entry.pk and lot.pk not in gave)
    takes = _take_back(account, units, own_first)
    posting.add(account, Entry.Kind.REVERSED, -units, takes=takes)


def _take_back(account: Account, amount: int, lots: Sequence[Lot]) -> list[Take]:
    takes = take_from(lots, amount)
    shortfall = amount - sum(take.amount for take in takes)
    if shortfall and not account.program.clawback_below_zero:
        units = account.program.units
        raise InsufficientBalance(
            f"{units(amount)} can't be taken back: the balance is {units(account.balance)}, "
            "the rest has been spent or has expired."
        )
    account.debt += shortfall
    return takes


def _finish(
    posting: Posting, original: Operation, accounts: dict[int, Account], before: dict[int, int]
) -> Operation:
    operation = post(posting)
    changes = [
        {
            **account.program.in_words(),
            "before": before[account.program_id],
            "after": account.balance,
            "units": account.balance - before[account.program_id],
        }
        for account in accounts.values()
    ]
    data = {"operation": original.pk, "kind": original.kind, "changes": changes} | changes[0]
    act = Act(
        verb=REVERSED,
        object_type="operation",
        object_id=operation.pk,
        customer_id=original.customer_id,
        before={"balance": changes[0]["before"]},
        after={"balance": changes[0]["after"], "reverses": original.pk},
    )
    record_act(posting.actor, act, kind=REVERSED, occurred_at=posting.occurred_at, data=data)
    if original.kind == Operation.Kind.ADJUST:
        for account in accounts.values():
            step_back(posting.actor, account, original, posting.occurred_at)
    follow(posting.actor, accounts.values(), posting.occurred_at)
    return operation
