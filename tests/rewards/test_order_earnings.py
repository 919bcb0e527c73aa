"""CU-5: what each line of an order earned and by which rule, or why it earned nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
import time_machine

from customers.hooks import OrderEarning
from customers.models import Order
from customers.selectors import order_with_lines
from rewards.actions.earning import earn_for_order
from rewards.models import Account, EarningRuleVersion
from rewards.order_earnings import earnings_of
from tests.customers.coming_back import cancel, complete, refund, sell
from tests.factories import (
    CustomerFactory,
    EarningRuleFactory,
    EarningRuleVersionFactory,
    OrderFactory,
    OrderLineFactory,
    ProgramFactory,
)
from tests.rewards.ledger import SYSTEM, debit

pytestmark = pytest.mark.django_db


def _rule(**fields: Any) -> None:
    program = ProgramFactory(pending_days=14)
    rule = EarningRuleFactory(program=program, name="1 point per euro")
    EarningRuleVersionFactory(rule=rule, **fields)


def _order(*totals: str, **fields: Any) -> Order:
    total = sum(map(Decimal, totals), Decimal(0))
    order: Order = OrderFactory(total=total, **fields)
    lines = [
        OrderLineFactory(order=order, total=Decimal(amount), category=category)
        for amount, category in zip(totals, ("GROCERY", "TOBACCO", "GROCERY"), strict=False)
    ]
    earn_for_order(SYSTEM, order, lines)
    return Order.objects.select_related("customer", "store").get(pk=order.pk)


@time_machine.travel(datetime(2026, 3, 2, tzinfo=UTC), tick=False)
def test_cu_5_every_line_says_what_it_earned_or_why_not() -> None:
    _rule(categories=["GROCERY"])
    order = _order("10.60", "30.00", "0.40")
    earning = earnings_of([order])[order.pk]
    first, second, third = (earning.lines[line.pk] for line in order.lines.all())
    assert earning.total == "11 points"
    assert earning.pending_until == datetime(2026, 3, 15, 12, tzinfo=UTC)
    assert [(share.units, share.rule) for share in first] == [("10 points", "1 point per euro")]
    assert "does not count this category" in second[0].reason
    assert third[0].units == "1 point"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"customer": None}, "A guest order: nobody claimed it yet."),
        ({"guest": True}, "is not a member yet"),
        ({"removed": True}, "was taken out of the programme"),
        ({"currency": "USD"}, "No rule counts orders of this store, currency or date."),
    ],
)
def test_cu_5_an_order_that_earned_nothing_says_why(fields: dict[str, Any], reason: str) -> None:
    _rule()
    traits = {name: fields.pop(name) for name in ("guest", "removed") if name in fields}
    if traits:
        fields["customer"] = CustomerFactory(**traits)
    order = _order("10.00", **fields)
    earning = earnings_of([order])[order.pk]
    assert earning.total == ""
    assert reason in earning.reason


def test_cu_5_small_free_and_ruleless_orders_say_why() -> None:
    ruleless = _order("10.00")
    assert earnings_of([ruleless])[ruleless.pk].reason == "No earning rule was in force."
    _rule()
    small, free = _order("0.40"), _order("0.00")
    assert "Too little for a whole unit" in earnings_of([small])[small.pk].reason
    assert "Nothing was paid" in earnings_of([free])[free.pk].reason


def test_earnings_of_many_orders_take_two_queries(django_assert_num_queries: Any) -> None:
    _rule()
    orders = [_order("10.00"), _order("0.10"), _order("5.00")]
    loaded = list(Order.objects.select_related("customer", "store").prefetch_related("lines"))
    assert len(orders) == len(loaded)
    with django_assert_num_queries(2):
        earnings_of(loaded)


def _shown(order: Order) -> OrderEarning:
    return earnings_of([order_with_lines(order.pk)])[order.pk]


def test_rw_10_each_line_says_what_a_refund_took_back_of_it() -> None:
    EarningRuleVersionFactory()
    order = sell("12.50", "30.20", "19.90")
    refund(order, 2)
    earning = _shown(order)
    assert (earning.total, earning.taken_back, earning.missing) == ("62 points", "30 points", "")
    lines = [earning.lines[line.pk][0] for line in order.lines.all()]
    assert [line.units for line in lines] == ["12 points", "30 points", "20 points"]
    assert [line.taken_back for line in lines] == ["", "30 points", ""]


def test_rw_10_what_could_not_be_taken_back_is_said() -> None:
    EarningRuleVersionFactory()
    order = sell("62.00")
    debit(Account.objects.get(), 57)
    cancel(order)
    earning = _shown(order)
    said = (earning.total, earning.taken_back, earning.missing)
    assert said == ("62 points", "5 points", "57 points")
    (line,) = order.lines.all()
    assert earning.lines[line.pk][0].taken_back == "62 points"


def test_rw_10_of_an_order_completed_again_the_new_earning_is_shown() -> None:
    EarningRuleVersionFactory()
    order = sell("20.00", "42.00")
    refund(order, 1)
    cancel(order)
    complete(order)
    earning = _shown(order)
    assert (earning.total, earning.taken_back) == ("42 points", "")
    refunded, kept = (earning.lines[line.pk][0] for line in order.lines.all())
    assert (refunded.units, refunded.reason) == ("", "It had gone back before")
    assert (kept.units, kept.taken_back) == ("42 points", "")


def test_rw_10_a_stamp_that_another_line_holds_is_not_shown_as_taken() -> None:
    EarningRuleVersionFactory(measure=EarningRuleVersion.Measure.ORDER)
    order = sell("3.00", "4.00")
    refund(order, 1)
    earning = _shown(order)
    lines = [earning.lines[line.pk][0] for line in order.lines.all()]
    assert [line.taken_back for line in lines] == ["", ""]
    assert "counts once for the whole order" in lines[1].reason


def test_rw_10_refunds_add_no_queries(django_assert_num_queries: Any) -> None:
    EarningRuleVersionFactory()
    for number in ("1", "2"):
        order = sell("20.00", "42.00", number=number)
        refund(order, 1)
    loaded = [order_with_lines(order.pk) for order in Order.objects.all()]
    with django_assert_num_queries(1):
        earnings_of(loaded)
