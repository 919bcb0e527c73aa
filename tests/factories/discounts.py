"""Offers and codes."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import factory
from django.utils import timezone

from discounts.models import DiscountCode, Offer, ValueKind
from tests.factories.customers import CustomerFactory


class OfferFactory(factory.django.DjangoModelFactory):
    """Five euros off, usable once within 90 days."""

    class Meta:
        model = Offer

    name = factory.Sequence(lambda n: f"€5 off, {n}")
    kind = ValueKind.FIXED
    value = Decimal("5.00")
    currency = "EUR"
    prefix = "GLD"


class DiscountCodeFactory(factory.django.DjangoModelFactory):
    """A usable code of one customer, made by nobody in particular."""

    class Meta:
        model = DiscountCode

    code = factory.Sequence(lambda n: f"GLD-7KQ4-M2XP-{n:05d}")
    offer = factory.SubFactory(OfferFactory)
    customer = factory.SubFactory(CustomerFactory)
    kind = factory.SelfAttribute("offer.kind")
    value = factory.SelfAttribute("offer.value")
    currency = factory.SelfAttribute("offer.currency")
    source = DiscountCode.Source.REDEMPTION
    expires_at = factory.LazyFunction(lambda: timezone.now() + timedelta(days=90))
    actor_kind = "system"
    actor_label = "test"
