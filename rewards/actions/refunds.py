"""What orders earned is taken back when they come back, by the rule versions that gave it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Sum
from django.utils import timezone

from customers.hooks import TakenBack, Withdrawal
from customers.lines_left import lines_sold
from loyalty_admin.common.actor import Actor
from rewards.actions.earning import earning_key, kept_of
from rewards.actions.locking import lock_accounts
from rewards.actions.posting import Posting, post
from rewards.actions.settling import settle
from rewards.actions.taking_back import record_shortfalls, take_back
from rewards.models import Account, Entry, Lot, Operation, Shortfall
from rewards.refund_rules import units_left


@dataclass(slots=True)
class Sums:
    """What one withdrawal does to one account, in units."""

    account: Account
    lots: Sequence[Lot]
    asked: int = 0
    missing: int = 0
    taken: int = 0


def take_back_for(actor: Actor, withdrawal: Withdrawal) -> list[TakenBack]:
    """Take back what the order earned and its remaining lines would not earn.

    Runs inside the transaction of the refund, with the order locked: what earlier withdrawals
    took back, or could not, is not asked for again.
    """
    order = withdrawal.order
    key = earning_key(order.store.code, order.number, order.completions)
    earning = Operation.objects.filter(idempotency_key=key).first()
    entries = _earned(earning) if earning else []
    if earning is None or not entries:
        return []
    programs = sorted({entry.account.program_id for entry in entries})
    accounts = lock_accounts(earning.customer_id, programs)
    now = timezone.now()
    sums = {account.pk: Sums(account, settle(account, now)) for account in accounts.values()}
    posting = Posting(
        actor=actor,
        customer_id=earning.customer_id,
        kind=Operation.Kind.REFUND,
        idempotency_key=withdrawal.key,
        occurred_at=withdrawal.at,
        order_id=order.pk,
        counts_for_tier=earning.counts_for_tier,
    )
    for entry, units in _due(earning, entries, withdrawal):
        _take(posting, sums[entry.account_id], entry, units)
    if posting.entries or any(one.missing for one in sums.values()):
        operation = post(posting)
        record_shortfalls(operation, [(one.account, one.missing) for one in sums.values()])
    return [_told(one) for one in sums.values() if one.asked]


def _earned(earning: Operation) -> list[Entry]:
    return list(
        earning.entries.filter(kind=Entry.Kind.EARNED)
        .select_related("rule_version__rule__program", "account")
        .order_by("pk")
    )


def _due(
    earning: Operation, entries: Sequence[Entry], withdrawal: Withdrawal
) -> list[tuple[Entry, int]]:
    """What is to be taken back of each entry, in units, less what was before."""
    sold = lines_sold(withdrawal.order)
    reversed_by_version, missing_by_account = _before(earning)
    kept = kept_of(withdrawal.order, before=earning.pk)
    due = []
    for entry in entries:
        version = entry.rule_version
        if version is None:
            continue
        # What an earlier completion left counts first: it was not earned again.
        earlier = max(kept.get(version.pk, 0), 0)
        keeps = units_left(
            version,
            withdrawal.order,
            entry.amount + earlier,
            sold=sold,
            left=withdrawal.left,
            multiplier=entry.multiplier,
        )
        keeps = max(keeps - earlier, 0)
        units = max(entry.amount - reversed_by_version[version.pk] - keeps, 0)
        forgiven = min(missing_by_account[entry.account_id], units)
        missing_by_account[entry.account_id] -= forgiven
        if units > forgiven:
            due.append((entry, units - forgiven))
    return due


def _before(earning: Operation) -> tuple[Mapping[int, int], Counter[int]]:
    """What was taken back since that earning by rule version, and what could not by account."""
    since = {
        "operation__order": earning.order_id,
        "operation__kind": Operation.Kind.REFUND,
        "operation__pk__gt": earning.pk,
    }
    taken = Entry.objects.filter(kind=Entry.Kind.REVERSED, **since)
    by_version: dict[int, int] = defaultdict(int)
    for version, units in taken.values_list("rule_version").annotate(units=Sum("amount")):
        by_version[version] = -units
    missing = Shortfall.objects.filter(**since).values_list("account").annotate(Sum("amount"))
    return by_version, Counter(dict(missing))


def _take(posting: Posting, sums: Sums, entry: Entry, units: int) -> None:
    before = sums.account.balance + sums.account.pending
    sums.missing += take_back(posting, sums.account, entry, units, sums.lots)
    sums.taken += before - sums.account.balance - sums.account.pending
    sums.asked += units


def _told(sums: Sums) -> TakenBack:
    program = sums.account.program
    return TakenBack(
        program_id=program.pk,
        program=program.name,
        unit_singular=program.unit_singular,
        unit_plural=program.unit_plural,
        units=sums.taken,
        missing=sums.missing,
        expired=sums.asked - sums.taken - sums.missing,
    )
