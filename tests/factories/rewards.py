"""Programs with their rules, and accounts."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from uuid import uuid4

import factory

from rewards.models import (
    Account,
    EarningRule,
    EarningRuleVersion,
    Program,
    Reward,
    Tier,
    TierMembership,
)
from tests.factories.customers import CustomerFactory
from tests.factories.discounts import OfferFactory


class ProgramFactory(factory.django.DjangoModelFactory):
    """An active points program without rules, one cent a point; the trait stamps makes stamps."""

    class Meta:
        model = Program

    code = factory.Sequence(lambda n: f"points-{n}")
    name = "Points"
    kind = Program.Kind.POINTS
    status = Program.Status.ACTIVE
    unit_value = Decimal("0.01")
    currency = "EUR"

    class Params:
        stamps = factory.Trait(
            name="Stamps",
            kind=Program.Kind.STAMPS,
            unit_singular="stamp",
            unit_plural="stamps",
            unit_value=Decimal("0.50"),
            card_size=10,
        )


class EarningRuleFactory(factory.django.DjangoModelFactory):
    """A rule without a version: it earns nothing yet."""

    class Meta:
        model = EarningRule

    program = factory.SubFactory(ProgramFactory)
    name = factory.Sequence(lambda n: f"Rule {n}")


class EarningRuleVersionFactory(factory.django.DjangoModelFactory):
    """One unit for each whole 1.00 of an order, from the beginning of time."""

    class Meta:
        model = EarningRuleVersion

    rule = factory.SubFactory(EarningRuleFactory)
    number = factory.Sequence(lambda n: n + 1)
    measure = EarningRuleVersion.Measure.AMOUNT
    units = 1
    per = Decimal(1)
    currency = factory.SelfAttribute("rule.program.currency")
    effective_from = None


class AccountFactory(factory.django.DjangoModelFactory):
    """An empty account."""

    class Meta:
        model = Account

    customer = factory.SubFactory(CustomerFactory)
    program = factory.SubFactory(ProgramFactory)


class TierFactory(factory.django.DjangoModelFactory):
    """A step of a ladder that multiplies by one and a half."""

    class Meta:
        model = Tier

    program = factory.SubFactory(ProgramFactory, tier_basis=Program.TierBasis.LIFETIME_UNITS)
    name = factory.Sequence(lambda n: f"Step {n}")
    threshold = factory.Sequence(lambda n: Decimal(100 * (n + 1)))
    multiplier = Decimal("1.5")


class TierMembershipFactory(factory.django.DjangoModelFactory):
    """That somebody earned a step, and stands on it."""

    class Meta:
        model = TierMembership

    customer = factory.SubFactory(CustomerFactory)
    tier = factory.SubFactory(TierFactory)
    program = factory.SelfAttribute("tier.program")
    source = TierMembership.Source.EARNED
    since = datetime(2026, 1, 15, 10, 0, tzinfo=UTC)
    idempotency_key = factory.LazyFunction(lambda: f"tier:{uuid4()}")
    actor_kind = "system"
    actor_label = "test"


class RewardFactory(factory.django.DjangoModelFactory):
    """A free coffee for 100 units, as many as are wanted; the trait `code` makes a code."""

    class Meta:
        model = Reward

    program = factory.SubFactory(ProgramFactory)
    name = factory.Sequence(lambda n: f"Coffee {n}")
    kind = Reward.Kind.PRODUCT
    cost = 100

    class Params:
        code = factory.Trait(
            kind=Reward.Kind.DISCOUNT_CODE,
            offer=factory.SubFactory(OfferFactory),
            name=factory.Sequence(lambda n: f"€5 off {n}"),
        )
