"""RW-14: a balance explained on any day, in sentences whose numbers add up."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from customers.actions.customers import enrol_customer
from customers.actions.refunds import cancel_order
from rewards.actions.earning import earn_for_order
from rewards.actions.redemptions import cancel_redemption, redeem_reward
from rewards.models import Account, Program
from rewards.selectors.balances import holding_of
from rewards.selectors.explain import Explanation, explain_balance
from tests.factories import (
    CustomerFactory,
    EarningRuleFactory,
    EarningRuleVersionFactory,
    OrderFactory,
    OrderLineFactory,
    ProgramFactory,
    RewardFactory,
    StoreFactory,
    UserFactory,
)
from tests.rewards.ledger import SYSTEM, account_of, adjust, debit, lots_of, undo

pytestmark = pytest.mark.django_db

ZONE = "Europe/Madrid"
TODAY = date(2026, 11, 22)


def _explain(account: Account, on: date) -> Explanation:
    holding = holding_of(account.customer_id, account.program_id, time_zone=ZONE)
    return explain_balance(holding, on, today=TODAY, time_zone=ZONE)


def _at(day: date, hour: int = 12) -> time_machine.travel:
    return time_machine.travel(datetime(day.year, day.month, day.day, hour, tzinfo=UTC), tick=False)


@pytest.fixture
def year() -> Account:
    """62 of 1 Nov (available from the 15th), +40 on the 10th, −25 on the 16th, +5 undone."""
    program = ProgramFactory(
        pending_days=14, expiry=Program.Expiry.PER_LOT, expiry_days=30, unit_value=Decimal("0.01")
    )
    EarningRuleVersionFactory(rule=EarningRuleFactory(program=program))
    customer = CustomerFactory()
    for number, day in (("10481", date(2026, 11, 1)), ("10482", date(2026, 11, 18))):
        with _at(day):
            order = OrderFactory(
                customer=customer,
                number=number,
                store=StoreFactory(code="GV", name="Gran Vía"),
                placed_at=datetime(day.year, day.month, day.day, 12, tzinfo=UTC),
                total=Decimal("62.40"),
            )
            earn_for_order(SYSTEM, order, [OrderLineFactory(order=order, total=order.total)])
    account = Account.objects.get()
    with _at(date(2026, 11, 10)):
        adjust(account, 40)
    with _at(date(2026, 11, 16)):
        debit(account, 25, reference="T-1")
    with _at(date(2026, 11, 20)):
        undo(adjust(account, 5))
    return account


def test_rw_14_today_in_sentences(year: Account) -> None:
    with _at(TODAY):
        explanation = _explain(year, TODAY)
    assert explanation.balance == 77
    assert explanation.sentences[0] == "Today, 22 Nov 2026, you have 77 points."
    assert explanation.sentences[1] == (
        "In all you earned 62 points on 1 order, received 45 points as a credit by our staff, "
        "spent 25 points and had 5 points taken back, because a credit was undone."
    )
    assert "Another 62 points become available from 2 Dec 2026 on." in explanation.sentences
    assert "15 points expire on 10 Dec 2026 unless you use them before." in explanation.sentences
    assert "16 Nov 2026: you spent 25 points (receipt T-1)." in explanation.sentences
    assert (
        "18 Nov 2026: you earned 62 points for order #10482 at Gran Vía (€62.40)."
        in explanation.text
    )


@pytest.mark.parametrize(
    ("on", "balance", "pending"),
    [
        (date(2026, 10, 31), 0, 0),
        (date(2026, 11, 1), 0, 62),
        (date(2026, 11, 9), 0, 62),
        (date(2026, 11, 10), 40, 62),
        (date(2026, 11, 16), 77, 0),
        (date(2026, 11, 18), 77, 62),
    ],
)
def test_rw_14_any_past_day(year: Account, on: date, balance: int, pending: int) -> None:
    with _at(TODAY):
        explanation = _explain(year, on)
    assert (explanation.balance, explanation.pending) == (balance, pending)
    assert sum(explanation.parts.values()) == balance
    assert f"you had {balance} points" in explanation.sentences[0]


def test_rw_14_a_day_ends_at_midnight_of_the_store() -> None:
    with _at(date(2026, 11, 10), hour=23):  # 00:30 on 11 November in Madrid
        account = account_of(40)
    with _at(TODAY):
        assert _explain(account, date(2026, 11, 10)).balance == 0
        assert _explain(account, date(2026, 11, 11)).balance == 40


def test_rw_14_before_anything_happened() -> None:
    account = account_of()
    with _at(TODAY):
        explanation = _explain(account, TODAY - timedelta(days=400))
    assert explanation.sentences[1:] == ["Nothing had been earned or spent until then."]


def test_rw_14_the_dialog_answers_for_any_day_and_refuses_the_future(client: Client) -> None:
    account = account_of(40)
    client.force_login(UserFactory())
    url = reverse("rewards:explain", args=[account.customer_id])
    assert "you have 40 points" in client.get(url).content.decode()
    program = str(account.program_id)
    past = client.get(url, {"program": program, "on": "2020-02-29"})
    assert "At the end of 29 Feb 2020 you had 0 points." in past.content.decode()
    for wrong, message in (("2999-01-01", "day that has come"), ("soon", "Enter a date such as")):
        refused = client.get(url, {"program": program, "on": wrong})
        assert refused.status_code == 422
        assert message in refused.content.decode()
    assert client.get(url, {"program": "0", "on": "2020-01-01"}).status_code == 422


def test_rw_14_a_cancelled_reward_says_what_each_lot_got_back() -> None:
    program = ProgramFactory()
    reward = RewardFactory(program=program, name="Mug", cost=500)
    account = account_of(program=program)
    with _at(date(2026, 10, 1)):
        adjust(account, 300, expires_in_days=20)
    with _at(date(2026, 10, 2)):
        adjust(account, 150, expires_in_days=90)
        adjust(account, 250)
    with _at(date(2026, 10, 5)):
        redemption = redeem_reward(
            actor=SYSTEM,
            customer_id=account.customer_id,
            reward_id=reward.pk,
            idempotency_key="mug",
        )
        assert lots_of(account) == [0, 0, 200]
    with _at(date(2026, 11, 20)):
        cancel_redemption(actor=SYSTEM, redemption_id=redemption.pk, idempotency_key="no mug")
        assert lots_of(account) == [300, 150, 250]
    with _at(TODAY):
        told = _explain(account, TODAY)
    assert told.balance == 700
    assert told.sentences[1] == (
        "In all you received 700 points as a credit by our staff, got 500 points back for "
        "cancelled rewards and spent 500 points on rewards."
    )
    assert (
        "20 Nov 2026: you got 500 points back, because “Mug” was cancelled: "
        "50 points for good; 150 points until 31 Dec 2026; "
        "300 points, which had expired meanwhile, until 20 Dec 2026."
    ) in told.sentences


def test_rw_14_a_refund_and_what_could_not_be_taken_back() -> None:
    account = _refunded()
    with _at(TODAY):
        told = _explain(account, TODAY)
    assert told.balance == 0
    assert told.sentences[1] == (
        "In all you earned 62 points on 1 order, spent 50 points and had 12 points taken back, "
        "because orders were refunded or cancelled."
    )
    assert "50 points more should have been taken back, but had been spent by then." in told.text
    assert "12 points were taken back, because order #10481 was refunded or cancelled." in told.text


def _refunded() -> Account:
    program = ProgramFactory()
    EarningRuleVersionFactory(rule=EarningRuleFactory(program=program))
    with _at(date(2026, 11, 1)):
        order = OrderFactory(
            number="10481", placed_at=datetime(2026, 11, 1, 12, tzinfo=UTC), total=Decimal(62)
        )
        earn_for_order(SYSTEM, order, [OrderLineFactory(order=order, total=order.total)])
    account = Account.objects.get()
    with _at(date(2026, 11, 10)):
        debit(account, 50)
    with _at(date(2026, 11, 20)):
        cancel_order(
            actor=SYSTEM, store=order.store.code, order_number="10481", idempotency_key="cancel"
        )
    return account


def test_rw_14_stamps_joining_and_tiers_are_told() -> None:
    program = ProgramFactory(stamps=True, card_size=3)
    reward = RewardFactory(program=program, name="Free coffee", cost=3)
    Program.objects.filter(pk=program.pk).update(card_reward=reward)
    visit = {"measure": "order", "per": 1}
    EarningRuleVersionFactory(rule=EarningRuleFactory(program=program), **visit)
    EarningRuleVersionFactory(rule=EarningRuleFactory(program=program), trigger="sign_up", **visit)
    customer = CustomerFactory(guest=True)
    with _at(date(2026, 11, 1)):
        enrol_customer(actor=SYSTEM, customer_id=customer.pk)
        customer.refresh_from_db()
    for day in (2, 3, 4):
        at = datetime(2026, 11, day, 12, tzinfo=UTC)
        with time_machine.travel(at, tick=False):
            order = OrderFactory(customer=customer, placed_at=at)
            earn_for_order(SYSTEM, order, [OrderLineFactory(order=order)])
    with _at(TODAY):
        told = _explain(Account.objects.get(), TODAY)
    assert told.sentences[:3] == [
        "Today, 22 Nov 2026, you have 1 stamp.",
        (
            "In all you earned 4 stamps on 3 orders and on 1 other occasion and filled cards "
            "with 3 stamps."
        ),
        "Your card has 1 stamp of 3.",
    ]
    assert "3 Nov 2026: 3 stamps filled a card, which gave you “Free coffee”." in told.sentences
