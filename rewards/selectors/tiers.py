"""Who stands, and stood, on which step of a program's ladder."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import Q, QuerySet

from activity.models import Event
from customers.models import Customer
from rewards.models import Operation, Program, Redemption, Tier, TierMembership
from rewards.selectors.standings import Standing, standings_of

MULTIPLIER_AT = """
LEFT JOIN LATERAL (
    SELECT stood_tier.multiplier
    FROM rewards_tiermembership AS stood_on
    JOIN rewards_tier AS stood_tier ON stood_tier.id = stood_on.tier_id
    WHERE stood_on.customer_id = {customer} AND stood_on.program_id = {program}
      AND stood_on.since <= {at} AND (stood_on.ended_at IS NULL OR stood_on.ended_at > {at})
    ORDER BY stood_on.since DESC, stood_on.id DESC LIMIT 1
) AS stood ON true
"""
"""What `multiplier_at` answers, as a join for many rows at once: `stood.multiplier`, NULL for 1.

Format it with the expressions of the row: `MULTIPLIER_AT.format(customer="sale.customer_id",
program="v.program_id", at="sale.placed_at")`. It adds no rows and takes none away.
"""

UNDO_OF_GIFT = "tier:undo:"
"""How the keys of operations begin that take back what a step gave."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a customer stands on one ladder, and the step in use that comes next.

    `ladder` has every step, in use or not, the lowest first.
    """

    program: Program
    ladder: list[Tier]
    standing: Standing
    tier: Tier | None
    following: Tier | None

    @property
    def missing(self) -> Decimal:
        """What is missing to the next step, in units or money; 0 where there is none."""
        return self._to(self.following)

    @property
    def missing_to_stay(self) -> Decimal:
        """What is missing to keep the step on which they stand."""
        return self._to(self.tier)

    def _to(self, tier: Tier | None) -> Decimal:
        return max(tier.threshold - self.standing.measure, Decimal(0)) if tier else Decimal(0)


@dataclass(frozen=True, slots=True)
class Given:
    """Whether a step has given its units and its reward to somebody, and how often it tried."""

    units: bool = False
    reward: bool = False
    times: int = 0


def multiplier_at(customer_id: int, program_ids: Sequence[int], at: datetime) -> dict[int, Decimal]:
    """By program, the multiplier of the step on which the customer stood then; left out where 1.

    A step counts from the moment somebody was put on it: what was bought before, and came in
    later, is not multiplied by it.
    """
    rows = (
        TierMembership.objects.filter(
            Q(ended_at__isnull=True) | Q(ended_at__gt=at),
            customer_id=customer_id,
            program_id__in=program_ids,
            since__lte=at,
        )
        .order_by("since", "pk")
        .values_list("program_id", "tier__multiplier")
    )
    return {program: multiplier for program, multiplier in rows if multiplier != 1}


def places_of(customer_id: int, *, at: datetime) -> list[Place]:
    """Where the customer stands on the ladder of each running program. Two queries at most."""
    standings = standings_of(customer_id, at=at)
    ladders: dict[int, list[Tier]] = defaultdict(list)
    if standings:
        asked = Tier.objects.filter(program__in=[one.program_id for one in standings])
        for tier in asked.select_related("program").order_by("threshold"):
            ladders[tier.program_id].append(tier)
    places = [
        _place(ladders[standing.program_id], standing)
        for standing in standings
        if any(tier.is_active for tier in ladders[standing.program_id])
    ]
    return sorted(places, key=lambda place: (place.program.name, place.program.pk))


def standing_of(customer_id: int, program: Program, *, at: datetime) -> Place | None:
    """The same for one program; None where it has no ladder or does not run."""
    places = places_of(customer_id, at=at)
    return next((place for place in places if place.program == program), None)


def _place(ladder: list[Tier], standing: Standing) -> Place:
    tier = next((step for step in ladder if step.pk == standing.tier_id), None)
    here = tier.threshold if tier else Decimal(0)
    following = next((step for step in ladder if step.is_active and step.threshold > here), None)
    return Place(ladder[0].program, ladder, standing, tier, following)


def membership_of(standing: Standing) -> TierMembership | None:
    """The open membership of a standing, with its tier."""
    if standing.membership_id is None:
        return None
    return TierMembership.objects.select_related("tier").get(pk=standing.membership_id)


def with_ladders() -> QuerySet[Program]:
    """The running programs that have a ladder with a step in use, by name."""
    return (
        Program.objects.filter(status=Program.Status.ACTIVE, tiers__is_active=True)
        .exclude(tier_basis=Program.TierBasis.NONE)
        .distinct()
        .order_by("name", "pk")
    )


def has_ladders(*bases: str) -> bool:
    """Whether a running program has a ladder; with `bases`, one that counts one of these."""
    programs = with_ladders()
    return (programs.filter(tier_basis__in=bases) if bases else programs).exists()


def members_after(last: int, *, limit: int) -> list[int]:
    """The ids of the next members behind this one, in their order."""
    members = Customer.objects.filter(status=Customer.Status.MEMBER, pk__gt=last)
    return list(members.order_by("pk").values_list("pk", flat=True)[:limit])


def higher(*tiers: Tier | None) -> Tier | None:
    """The highest of these steps."""
    return max(filter(None, tiers), key=lambda tier: tier.threshold, default=None)


def steps_up(program_id: int, stood: Tier | None, to: Tier) -> list[Tier]:
    """The steps in use that are reached or passed on the way up to one, lowest first.

    That one alone where the way does not lead up. With what they give. One query.
    """
    steps = Tier.objects.filter(program=program_id).select_related("entry_reward__offer")
    if stood and stood.threshold >= to.threshold:
        return list(steps.filter(pk=to.pk))
    way = Q(is_active=True, threshold__lte=to.threshold)
    if stood:
        way &= Q(threshold__gt=stood.threshold)
    return list(steps.filter(way).order_by("threshold"))


def history_of(customer_id: int) -> list[TierMembership]:
    """Every step on which the customer stood, the latest first. One query."""
    rows = TierMembership.objects.filter(customer_id=customer_id)
    return list(rows.select_related("tier", "program", "floor").order_by("-since", "-pk"))


def open_tiers_of(customer_id: int) -> list[Tier]:
    """The steps on which the customer stands, in running programs with a ladder. One query."""
    rows = TierMembership.objects.filter(
        customer_id=customer_id, ended_at__isnull=True, program__status=Program.Status.ACTIVE
    ).exclude(program__tier_basis=Program.TierBasis.NONE)
    return [row.tier for row in rows.select_related("tier").order_by("program__name", "pk")]


def gift_key(customer_id: int, tier_id: int, times: int) -> str:
    """The idempotency key of what a step gives, after it was given and taken back `times`."""
    return f"tier:{customer_id}:{tier_id}:{times + 1}"


def given_to(customer_id: int, tier_ids: Iterable[int]) -> dict[int, Given]:
    """What these steps have given to the customer, by step. Two queries."""
    begins = f"tier:{customer_id}:"
    credits = Operation.objects.filter(
        customer_id=customer_id, kind=Operation.Kind.ADJUST, idempotency_key__startswith=begins
    ).values_list("idempotency_key", "reversed_by__idempotency_key")
    rewards = Redemption.objects.filter(
        customer_id=customer_id, idempotency_key__startswith=begins
    ).values_list("idempotency_key", "tier_id")
    found = {tier: Given() for tier in tier_ids}
    for key, undone_by in credits:
        tier, times = _parsed(key)
        if known := found.get(tier):
            units = known.units or not (undone_by or "").startswith(UNDO_OF_GIFT)
            found[tier] = Given(units, known.reward, max(times, known.times))
    for key, kept in rewards:
        tier, times = _parsed(key)
        if known := found.get(tier):
            found[tier] = Given(known.units, known.reward or bool(kept), max(times, known.times))
    return found


def _parsed(key: str) -> tuple[int, int]:
    _, _, tier, times = key.split(":")
    return int(tier), int(times)


def undo_of(change: Event) -> Event | None:
    """The event that undid this change by hand."""
    events = Event.objects.filter(customer_id=change.customer_id, kind=change.kind)
    return events.filter(data__undoes=change.pk).first()
