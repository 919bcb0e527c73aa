"""Customers with their contact points and orders."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import factory
from django.db.models import Func, Value

from activity.models import ContactPoint
from customers.models import Customer, Order, OrderLine
from tests.factories.staff import StoreFactory

JOINED = datetime(2026, 1, 15, 10, 0, tzinfo=UTC)


class CustomerFactory(factory.django.DjangoModelFactory):
    """A member; the traits guest and removed make others. `search_text` is filled."""

    class Meta:
        model = Customer
        skip_postgeneration_save = True

    external_id = factory.Sequence(lambda n: f"C-{n:05d}")
    name = factory.Faker("name")
    status = Customer.Status.MEMBER
    joined_at = JOINED
    created_at = JOINED

    class Params:
        guest = factory.Trait(status=Customer.Status.GUEST, joined_at=None)
        removed = factory.Trait(status=Customer.Status.REMOVED)

    @classmethod
    def _create(cls, model_class: Any, *args: Any, **fields: Any) -> Customer:
        customer: Customer = model_class.objects.create(**fields)
        if not customer.search_text:
            words = (customer.name, customer.external_id, customer.document, customer.address)
            text = " ".join(word for word in words if word)
            normal = Func(Value(text), function="search_normal")
            Customer.objects.filter(pk=customer.pk).update(search_text=normal)
        customer.refresh_from_db()
        return customer


class ContactPointFactory(factory.django.DjangoModelFactory):
    """An e-mail address that can be reached; the trait phone makes a number."""

    class Meta:
        model = ContactPoint

    customer = factory.SubFactory(CustomerFactory)
    kind = ContactPoint.Kind.EMAIL
    value = factory.Sequence(lambda n: f"customer{n}@example.com")

    class Params:
        phone = factory.Trait(
            kind=ContactPoint.Kind.PHONE, value=factory.Sequence(lambda n: f"+3460000{n:04d}")
        )


class OrderFactory(factory.django.DjangoModelFactory):
    """An order of 12.50 without lines, as a row: it earns nothing."""

    class Meta:
        model = Order

    store = factory.SubFactory(StoreFactory)
    number = factory.Sequence(lambda n: f"{100000 + n}")
    customer = factory.SubFactory(CustomerFactory)
    placed_at = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    currency = factory.SelfAttribute("store.currency")
    total = Decimal("12.50")
    discount = Decimal("0.00")


class OrderLineFactory(factory.django.DjangoModelFactory):
    """One line of an order."""

    class Meta:
        model = OrderLine

    order = factory.SubFactory(OrderFactory)
    customer = factory.SelfAttribute("order.customer")
    position = factory.Sequence(lambda n: n + 1)
    sku = factory.Sequence(lambda n: f"SKU-{n}")
    product = "Coffee beans"
    category = "GROCERY"
    quantity = Decimal(1)
    total = Decimal("12.50")
    discount = Decimal("0.00")
