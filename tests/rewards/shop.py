"""A bakery with a card of stamps, for tests: an order of pastry is a stamp."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from customers.actions.order_checks import DraftLine
from customers.actions.orders import record_order
from customers.models import Customer, Order
from rewards.models import Account, EarningRuleVersion, Program
from tests.customers.drafts import a_draft, a_line
from tests.factories import (
    EarningRuleFactory,
    EarningRuleVersionFactory,
    ProgramFactory,
    RewardFactory,
)
from tests.rewards.ledger import SYSTEM

PASTRY = "PASTRY"
MEASURE = EarningRuleVersion.Measure


def a_card_program(size: int = 10, *, measure: str = MEASURE.ORDER, **fields: Any) -> Program:
    """A stamp for pastry by this measure; a full card is a free coffee."""
    program: Program = ProgramFactory(**{"stamps": True, "card_size": size} | fields)
    program.card_reward = RewardFactory(program=program, name="Free coffee", cost=size)
    program.save()
    rule = EarningRuleFactory(program=program, name="A stamp for pastry")
    EarningRuleVersionFactory(rule=rule, measure=measure, categories=[PASTRY])
    return program


def pastry(product: str = "Croissant", quantity: int = 1, **fields: Any) -> DraftLine:
    """A line of pastry."""
    return a_line(product=product, sku=product[:20], category=PASTRY, quantity=Decimal(quantity))


def an_order(number: str, *lines: DraftLine, on: int = 1, customer: str = "C-1") -> Order:
    """An order of these lines in May, recorded as a till does."""
    draft = a_draft(
        number=number,
        customer_external_id=customer,
        placed_at=datetime(2026, 5, on, 10, tzinfo=UTC),
        lines=list(lines) or [pastry()],
    )
    record_order(actor=SYSTEM, draft=draft, idempotency_key=f"order {number}")
    return Order.objects.get(number=number)


def holder(customer: str = "C-1") -> Account:
    """The account of that customer, who has one."""
    return Account.objects.get(customer=Customer.objects.get(external_id=customer))
