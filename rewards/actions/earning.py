"""Units earned: by orders here, by everything else in `rewards.actions.events`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection
from django.db.models import F, Q, Sum
from django.utils import timezone

from customers.hooks import Earning
from customers.models import Customer, Order, OrderLine
from loyalty_admin.common.actor import Actor
from rewards.actions.consequences import follow
from rewards.actions.locking import lock_accounts
from rewards.actions.moving import credit, expiry_of
from rewards.actions.posting import NewLot, Posting, post
from rewards.models import Account, EarningRuleVersion, Entry, Operation, Program
from rewards.rules import ONE, units_for
from rewards.selectors.tiers import multiplier_at


@dataclass(frozen=True, slots=True)
class Earned:
    """What one rule gives, before its caps per day and customer, and the tier's multiplier."""

    version: EarningRuleVersion
    units: int
    multiplier: Decimal


def earning_key(store_code: str, number: str, completions: int = 1) -> str:
    """The idempotency key of what an order earns: it is earned once, however it came in.

    The length says where the store's code ends, so no two orders share a key. An order that
    was cancelled and completed again earns again: `completions` counts.
    """
    key = f"order:{len(store_code)}:{store_code}:{number}"
    return key if completions == 1 else f"again:{completions}:{key}"


def earn_for_order(
    actor: Actor, order: Order, lines: Sequence[OrderLine], *, lenient: bool = False
) -> list[Earning]:
    """Credit what an order earns, in every active program, as of its date.

    Runs inside the transaction that writes the order, whose lock makes it happen once. Only
    members earn. The order carries its store and customer; `lines` are what is left of its
    lines after refunds. A `lenient` lot that would have expired by now stays for the grace.
    """
    customer = order.customer
    if customer is None or customer.status != Customer.Status.MEMBER:
        return []
    earned = earnings_for(customer.pk, order, lines)
    kept = kept_of(order) if order.completions > 1 else {}
    posting = Posting(
        actor=actor,
        customer_id=customer.pk,
        kind=Operation.Kind.EARN,
        idempotency_key=earning_key(order.store.code, order.number, order.completions),
        occurred_at=order.placed_at,
        order_id=order.pk,
    )
    return earn(posting, earned, lenient=lenient, kept=kept)


def kept_of(order: Order, *, before: int | None = None) -> Mapping[int, int]:
    """What the order has brought its customer so far and was not taken back, in units.

    By version of a rule. An order that comes back and is completed again leaves what had been
    spent by then; it is not earned twice. `before` is an operation that came later.
    """
    entries = Entry.objects.filter(
        operation__order=order, customer=order.customer_id, rule_version__isnull=False
    )
    if before is not None:
        entries = entries.filter(operation__lt=before)
    return dict(entries.values_list("rule_version").annotate(units=Sum("amount")))


def earnings_for(customer_id: int, order: Order, lines: Sequence[OrderLine]) -> list[Earned]:
    """What each rule in force on the order's date gives for it. Reads only."""
    versions = versions_in_force(order.placed_at)
    tiers = multipliers(customer_id, versions, order.placed_at)
    earned = []
    for version in versions:
        program = version.rule.program
        multiplier = tiers.get(version.pk, ONE)
        if units := units_for(version, program, order, lines, multiplier=multiplier):
            earned.append(Earned(version, units, multiplier))
    return earned


def earn(
    posting: Posting,
    earned: Sequence[Earned],
    *,
    lenient: bool = False,
    kept: Mapping[int, int] | None = None,
) -> list[Earning]:
    """Credit what the rules give, within their caps, and what follows from it.

    Less what is `kept` of an earlier earning, by version.
    """
    if not earned:
        return []
    programs = sorted({one.version.rule.program_id for one in earned})
    accounts = lock_accounts(posting.customer_id, programs)
    now = timezone.now()
    totals: dict[int, int] = defaultdict(int)
    for one in earned:
        account = accounts[one.version.rule.program_id]
        units = within_caps(account.pk, one, posting.occurred_at)
        units -= (kept or {}).get(one.version.pk, 0)
        if units > 0:
            _credit(posting, account, one, units, now, lenient=lenient)
            totals[account.program_id] += units
    if not totals:
        return []
    post(posting)
    told = [_told(accounts[pk].program, units, posting, now) for pk, units in totals.items()]
    follow(posting.actor, [accounts[pk] for pk in totals], now)
    return told


def _credit(
    posting: Posting, account: Account, one: Earned, units: int, now: datetime, *, lenient: bool
) -> None:
    program = account.program
    available_at = posting.occurred_at + timedelta(days=program.pending_days)
    expires_at = expiry_of(program, available_at, None)
    if lenient and expires_at and expires_at <= now:
        expires_at = now + timedelta(days=program.grace_days)
    if available_at > now:
        posting.add(
            account,
            Entry.Kind.EARNED,
            units,
            bucket=Entry.Bucket.PENDING,
            lot=NewLot(units, available_at, expires_at, is_pending=True),
            rule_version_id=one.version.pk,
            multiplier=one.multiplier,
        )
    else:
        credit(
            posting,
            account,
            Entry.Kind.EARNED,
            units,
            available_at,
            expires_at,
            rule_version_id=one.version.pk,
            multiplier=one.multiplier,
        )
    if lenient and account.expires_at and account.expires_at <= now:
        # Before a full card looks at the account: it would lapse under its hands.
        account.expires_at = now + timedelta(days=program.grace_days)


# What was taken back leaves room again, on the day of its order. The customer's own entries
# come first, and each finds its order by its key, whatever the planner takes the tables for.
_SO_FAR = """
SELECT coalesce(sum(amount) FILTER (WHERE at >= %(begins)s AND at < %(ends)s), 0),
       coalesce(sum(amount), 0)
FROM (
    SELECT e.amount,
           coalesce((SELECT o.placed_at FROM rewards_operation AS p
                     JOIN customers_order AS o ON o.id = p.order_id
                     WHERE p.id = e.operation_id), e.occurred_at) AS at
    FROM rewards_entry AS e
    WHERE e.account_id = %(account)s AND e.kind IN ('earned', 'reversed')
      AND e.rule_version_id = ANY(
          ARRAY(SELECT id FROM rewards_earningruleversion WHERE rule_id = %(rule)s))
) AS earned
"""


def within_caps(account_id: int, one: Earned, at: datetime) -> int:
    """The units that the rule's caps per day and customer leave of what it gives."""
    version, units = one.version, one.units
    if version.cap_per_day is None and version.cap_per_customer is None:
        return units
    zone = ZoneInfo(settings.STORE_TIME_ZONE)
    day = at.astimezone(zone).date()
    values: dict[str, Any] = {
        "account": account_id,
        "rule": version.rule_id,
        "begins": datetime.combine(day, time.min, zone),
        "ends": datetime.combine(day + timedelta(days=1), time.min, zone),
    }
    with connection.cursor() as cursor:
        cursor.execute(_SO_FAR, values)
        on_day, in_all = cursor.fetchone()
    for cap, so_far in ((version.cap_per_day, on_day), (version.cap_per_customer, in_all)):
        if cap is not None:
            units = min(units, max(cap - int(so_far), 0))
    return units


def _told(program: Program, units: int, posting: Posting, now: datetime) -> Earning:
    available_at = posting.occurred_at + timedelta(days=program.pending_days)
    return Earning(
        program_id=program.pk,
        program=program.name,
        units=units,
        unit_name=program.unit_singular if units == 1 else program.unit_plural,
        pending_until=available_at if available_at > now else None,
    )


def multipliers(
    customer_id: int, versions: Sequence[EarningRuleVersion], at: datetime
) -> Mapping[int, Decimal]:
    """The multiplier of the customer's step by `EarningRuleVersion.pk`; left out where there
    are no tiers.
    """
    none = Program.TierBasis.NONE
    asked = [v for v in versions if v.multiplied_by_tier and v.rule.program.tier_basis != none]
    if not asked:
        return {}
    tiers = multiplier_at(customer_id, sorted({v.rule.program_id for v in asked}), at)
    return {v.pk: tiers.get(v.rule.program_id, ONE) for v in asked}


def versions_in_force(
    at: datetime, trigger: str = EarningRuleVersion.Trigger.ORDER
) -> list[EarningRuleVersion]:
    """The version of each active rule of each active program that was in force then.

    Those that the trigger sets off, in the order of the rules, with rule and program.
    """
    versions = (
        EarningRuleVersion.objects.filter(
            Q(effective_from__isnull=True) | Q(effective_from__lte=at),
            rule__is_active=True,
            rule__program__status=Program.Status.ACTIVE,
        )
        .select_related("rule__program")
        .order_by("rule_id", F("effective_from").desc(nulls_last=True), "-number")
        .distinct("rule_id")
    )
    return [version for version in versions if version.trigger == trigger]
