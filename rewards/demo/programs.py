"""What the demo's shop runs: points with tiers, a coffee card, and what they buy."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from discounts.actions.offers import OfferTerms, create_offer
from discounts.models import Offer, ValueKind
from loyalty_admin.common.actor import Actor
from rewards.actions.ladder import create_tier
from rewards.actions.programs import change_program, create_program, create_rule
from rewards.actions.rewards import RewardTerms, create_reward
from rewards.actions.rule_terms import RuleTerms
from rewards.demo.catalogue import COFFEE, CURRENCY
from rewards.models import EarningRule, EarningRuleVersion, Program, Reward, Tier

SETUP = Actor.system("load_demo")
POINTS, CARD = "points", "coffee-card"
FIVE_OFF, ANY_COFFEE, GOLD = "€5 off", "A coffee of your choice", "Gold"

OFFERS = (
    OfferTerms(
        name="€5 off", kind=ValueKind.FIXED, currency=CURRENCY, value=Decimal(5), prefix="FIVE",
        valid_days=30,
    ),
    OfferTerms(
        name="Free shipping", kind=ValueKind.FREE_SHIPPING, currency=CURRENCY, prefix="SHIP"
    ),
    OfferTerms(
        name="10 % off beans", kind=ValueKind.PERCENTAGE, currency=CURRENCY, value=Decimal(10),
        value_cap=Decimal(20), minimum_spend=Decimal(15), categories=[COFFEE], prefix="BEANS",
    ),
)  # fmt: skip


def open_programs() -> dict[str, Program]:
    """The programs by their codes, with rules, rewards and tiers; what is there is kept."""
    points, card = _points(), _card()
    offers = {terms.name: _offer(terms) for terms in OFFERS}
    for terms in _rewards(offers):
        _reward(points, terms)
    any_coffee = _reward(
        card, RewardTerms(name=ANY_COFFEE, kind="product", cost=10, valid_days=180)
    )
    if card.card_reward_id is None:
        card = change_program(
            actor=SETUP, program_id=card.pk, card_reward=any_coffee, status="active"
        )
    _ladder(points, Reward.objects.get(program=points, name="Free shipping"))
    _barista_class(points)
    return {POINTS: points, CARD: card}


def _points() -> Program:
    program = Program.objects.filter(code=POINTS).first() or create_program(
        actor=SETUP,
        code=POINTS,
        kind=Program.Kind.POINTS,
        name="Points",
        status=Program.Status.ACTIVE,
        unit_value=Decimal("0.01"),
        currency=CURRENCY,
        pending_days=14,
        expiry=Program.Expiry.PER_LOT,
        expiry_days=365,
        grace_days=30,
        tier_basis=Program.TierBasis.WINDOW_SPEND,
    )
    rules = {
        # Tiers multiply what coffee brings on top, not every euro.
        "1 point per €1": RuleTerms(1, Decimal(1), CURRENCY, multiplied_by_tier=False),
        "Double points on coffee": RuleTerms(1, Decimal(1), CURRENCY, categories=[COFFEE]),
        "A review": _each(20, EarningRuleVersion.Trigger.REVIEW, cap_per_day=40),
        "Bring a friend": _each(200, EarningRuleVersion.Trigger.REFERRAL, cap_per_customer=1000),
    }
    _rules(program, rules)
    return program


def _each(
    units: int,
    trigger: str,
    cap_per_day: int | None = None,
    cap_per_customer: int | None = None,
) -> RuleTerms:
    return RuleTerms(
        units=units,
        per=Decimal(1),
        currency=CURRENCY,
        measure=EarningRuleVersion.Measure.ORDER,
        trigger=trigger,
        cap_per_day=cap_per_day,
        cap_per_customer=cap_per_customer,
    )


def _card() -> Program:
    program = Program.objects.filter(code=CARD).first() or create_program(
        actor=SETUP,
        code=CARD,
        kind=Program.Kind.STAMPS,
        name="Coffee card",
        # Paused until it has its reward: a full card must find one.
        status=Program.Status.PAUSED,
        unit_singular="stamp",
        unit_plural="stamps",
        unit_value=Decimal("0.30"),
        currency=CURRENCY,
        card_size=10,
    )
    visit = RuleTerms(
        units=1, per=Decimal(1), currency=CURRENCY, measure="order", categories=[COFFEE],
        channels=["shop"],
    )  # fmt: skip
    _rules(program, {"A visit with coffee": visit})
    return program


def _rules(program: Program, rules: dict[str, RuleTerms]) -> None:
    for name, terms in rules.items():
        if not EarningRule.objects.filter(program=program, name=name).exists():
            create_rule(actor=SETUP, program_id=program.pk, name=name, terms=terms)


def _offer(terms: OfferTerms) -> Offer:
    return Offer.objects.filter(name=terms.name).first() or create_offer(actor=SETUP, terms=terms)


def _rewards(offers: dict[str, Offer]) -> Iterator[RewardTerms]:
    for name, cost in (("Free shipping", 200), ("10 % off beans", 300), (FIVE_OFF, 500)):
        limit = 2 if cost == 300 else None
        yield RewardTerms(
            name=name, kind="code", cost=cost, offer_id=offers[name].pk, per_customer=limit
        )
    yield RewardTerms(
        name="Stoneware cup", kind="gift", cost=900, stock=40,
        description="In petrol or sand, at every counter",
    )  # fmt: skip


def _reward(program: Program, terms: RewardTerms) -> Reward:
    found = Reward.objects.filter(program=program, name=terms.name).first()
    return found or create_reward(actor=SETUP, program_id=program.pk, terms=terms)


def _ladder(points: Program, gift: Reward) -> None:
    steps = (
        ("Silver", 200, "1.1", None),
        (GOLD, 600, "1.25", gift.pk),
        ("Platinum", 2000, "1.5", gift.pk),
    )
    for name, threshold, multiplier, reward in steps:
        if not Tier.objects.filter(program=points, name=name).exists():
            create_tier(
                actor=SETUP,
                program_id=points.pk,
                name=name,
                threshold=Decimal(threshold),
                multiplier=Decimal(multiplier),
                entry_reward_id=reward,
            )


def _barista_class(points: Program) -> None:
    gold = Tier.objects.get(program=points, name=GOLD)
    _reward(
        points,
        RewardTerms(
            name="Barista class", kind="product", cost=2500, stock=12, per_customer=1,
            minimum_tier_id=gold.pk, description="Two hours at the machine, Saturdays in Retiro",
        ),
    )  # fmt: skip
