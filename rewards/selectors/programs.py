"""What the screens of programs, rules and tiers show."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q, Sum
from django.db.models.functions import Coalesce

from activity.models import AuditRecord
from customers.models import Order, OrderLine
from loyalty_admin.common.errors import NotFound
from loyalty_admin.staff.models import Store
from rewards.models import (
    Account,
    EarningRule,
    EarningRuleVersion,
    Program,
    Reward,
    Tier,
    TierMembership,
)
from rewards.selectors.words import rule_in_words, tier_gives_in_words

CHANGES_SHOWN = 30
LOOKED_AT = 400
"""How many of the newest orders are looked through for what the store sells."""

PROGRAM_VERBS = ("program.created", "program.changed", "program.activated", "program.paused")
RULE_VERBS = ("rule.published", "rule.switched")
TIER_VERBS = ("tier.created", "tier.step_changed", "tier.switched")


@dataclass(frozen=True, slots=True)
class Figures:
    """How many hold units of a program, and how many units."""

    members: int = 0
    outstanding: int = 0
    pending: int = 0


@dataclass(frozen=True, slots=True)
class ShownProgram:
    """A program with its figures."""

    program: Program
    figures: Figures


@dataclass(frozen=True, slots=True)
class ShownVersion:
    """A version of a rule in a sentence."""

    version: EarningRuleVersion
    sentence: str


@dataclass(frozen=True, slots=True)
class ShownRule:
    """A rule with what it says now, what it will say, and what it has said; newest first."""

    rule: EarningRule
    now: ShownVersion | None
    later: list[ShownVersion]
    before: list[ShownVersion]


@dataclass(frozen=True, slots=True)
class ShownTier:
    """A step with what it gives and how many stand on it."""

    tier: Tier
    gives: str
    members: int


@dataclass(frozen=True, slots=True)
class Ladder:
    """The steps of one program, the lowest first."""

    program: Program
    tiers: list[ShownTier]


@dataclass(frozen=True, slots=True)
class Known:
    """What a rule can be limited to: as the newest orders and the rules have it."""

    categories: list[str]
    skus: list[str]


def program_by_id(program_id: int) -> Program:
    """The program with its card's reward. Raises NotFound."""
    program = Program.objects.select_related("card_reward").filter(pk=program_id).first()
    if program is None:
        raise NotFound("There is no such program.")
    return program


def rule_of(program_id: int, rule_id: int) -> EarningRule:
    """A rule of this program, with it. Raises NotFound."""
    rules = EarningRule.objects.select_related("program")
    rule = rules.filter(program_id=program_id, pk=rule_id).first()
    if rule is None:
        raise NotFound("There is no such rule.")
    return rule


def tier_of(program_id: int, tier_id: int) -> Tier:
    """A step of this program's ladder, with both. Raises NotFound."""
    tiers = Tier.objects.select_related("program", "entry_reward")
    tier = tiers.filter(program_id=program_id, pk=tier_id).first()
    if tier is None:
        raise NotFound("There is no such tier.")
    return tier


def all_programs() -> list[ShownProgram]:
    """Every program with its figures. Two queries."""
    figures = _figures()
    return [ShownProgram(p, figures.get(p.pk, Figures())) for p in Program.objects.all()]


def figures_of(program_id: int) -> Figures:
    """The figures of one program. One query."""
    return _figures(program_id).get(program_id, Figures())


def _figures(program_id: int | None = None) -> dict[int, Figures]:
    accounts = Account.objects.all()
    if program_id is not None:
        accounts = accounts.filter(program_id=program_id)
    rows = accounts.values_list("program_id").annotate(
        members=Count("pk", filter=Q(balance__gt=0) | Q(pending__gt=0)),
        units=Coalesce(Sum("balance", filter=Q(balance__gt=0)), 0),
        wait=Coalesce(Sum("pending"), 0),
    )
    return {pk: Figures(members, int(units), int(wait)) for pk, members, units, wait in rows}


def rules_of(program: Program, now: datetime) -> list[ShownRule]:
    """The program's rules with all their versions, by name. Two queries."""
    rules = program.rules.prefetch_related("versions").order_by("-is_active", "name")
    return [_shown(rule, program, now) for rule in rules]


def _shown(rule: EarningRule, program: Program, now: datetime) -> ShownRule:
    versions = sorted(rule.versions.all(), key=_begins, reverse=True)
    told = [ShownVersion(version, rule_in_words(version, program)) for version in versions]
    later = [shown for shown in told if _begins(shown.version)[0] > now.timestamp()]
    begun = told[len(later) :]
    return ShownRule(rule, begun[0] if begun else None, later, begun[1:])


def _begins(version: EarningRuleVersion) -> tuple[float, int]:
    at = version.effective_from
    return (at.timestamp() if at else float("-inf"), version.number)


def version_in_force(rule: EarningRule, now: datetime) -> EarningRuleVersion | None:
    """What the rule says now. One query."""
    begun = [v for v in rule.versions.all() if _begins(v)[0] <= now.timestamp()]
    return max(begun, key=_begins, default=None)


def newest_version(rule: EarningRule) -> EarningRuleVersion | None:
    """What was published last, in force or not yet. One query."""
    return rule.versions.order_by("-number").first()


def ladder_of(program: Program) -> Ladder:
    """The steps of a program with who stands on them. Two queries."""
    return _ladders([program])[0]


def all_ladders() -> list[Ladder]:
    """The steps of every program that has any, or counts for them. Three queries."""
    programs = Program.objects.filter(
        ~Q(tier_basis=Program.TierBasis.NONE) | Q(tiers__isnull=False)
    )
    return _ladders(list(programs.distinct()))


def _ladders(programs: Sequence[Program]) -> list[Ladder]:
    standing = dict(
        TierMembership.objects.filter(ended_at__isnull=True, program__in=programs)
        .values_list("tier_id")
        .annotate(Count("pk"))
    )
    steps: dict[int, list[ShownTier]] = defaultdict(list)
    tiers = Tier.objects.filter(program__in=programs).select_related("program", "entry_reward")
    for tier in tiers.order_by("threshold"):
        shown = ShownTier(tier, tier_gives_in_words(tier), standing.get(tier.pk, 0))
        steps[tier.program_id].append(shown)
    return [Ladder(program, steps[program.pk]) for program in programs]


def rewards_count(program_id: int) -> int:
    """How many rewards can be had in the program."""
    return Reward.objects.filter(program_id=program_id, is_active=True).count()


def changes_of(program: Program, rules: Sequence[int], tiers: Sequence[int]) -> list[AuditRecord]:
    """What was changed of a program, its rules and its tiers, newest first. One query."""
    return list(
        AuditRecord.objects.filter(
            Q(verb__in=PROGRAM_VERBS, object_id=program.pk)
            | Q(verb__in=RULE_VERBS, object_id__in=rules)
            | Q(verb__in=TIER_VERBS, object_id__in=tiers)
        ).order_by("-at", "-pk")[:CHANGES_SHOWN]
    )


def known() -> Known:
    """Categories and products to choose from. Three queries, bounded."""
    newest = Order.objects.order_by("-placed_at", "-pk").values_list("pk", flat=True)[:LOOKED_AT]
    lines = OrderLine.objects.filter(order__in=list(newest))
    categories, skus = set(), set()
    for category, sku in lines.values_list("category", "sku").distinct():
        categories.add(category)
        skus.add(sku)
    for more_categories, more_skus in EarningRuleVersion.objects.values_list("categories", "skus"):
        categories.update(more_categories)
        skus.update(more_skus)
    return Known(sorted(categories - {""}), sorted(skus - {""}))


def stores() -> list[tuple[str, str]]:
    """The stores in use, as code and name."""
    return list(Store.objects.filter(is_active=True).values_list("code", "name"))
