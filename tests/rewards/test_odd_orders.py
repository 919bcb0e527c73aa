"""Acts in an order that nobody expects: nothing is lost, doubled or invented."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from customers.actions.claims import claim_order
from customers.actions.customers import enrol_customer, remove_customer
from loyalty_admin.common.errors import Conflict, NotEnrolled, NotReversible
from rewards.actions.redemption_states import reopen_redemption
from rewards.actions.reinstating import reinstate_units
from rewards.actions.settling import settle_account
from rewards.models import Account, Operation, Program, Redemption
from tests.customers.coming_back import cancel, complete, refund, sell, sell_lines
from tests.customers.drafts import PLACED
from tests.factories import (
    AccountFactory,
    CustomerFactory,
    EarningRuleFactory,
    EarningRuleVersionFactory,
    ProgramFactory,
    UserFactory,
)
from tests.rewards.ladders import a_climber, a_ladder, give_tier, tier, undo_change
from tests.rewards.ledger import SYSTEM, adjust, assert_adds_up, balance_of, debit, undo
from tests.rewards.redemptions import a_reward, redeem
from tests.rewards.redemptions import cancel as cancel_redemption
from tests.rewards.shop import a_card_program, pastry

pytestmark = pytest.mark.django_db

MAY = datetime(2026, 5, 1, tzinfo=UTC)


def per_euro(**behaviour: Any) -> Program:
    program: Program = ProgramFactory(**behaviour)
    EarningRuleVersionFactory(rule=EarningRuleFactory(program=program))
    return program


def days_later(account: Account, clock: Any, days: int) -> None:
    clock.shift(timedelta(days=days))
    settle_account(customer_id=account.customer_id, program_id=account.program_id)


def test_rw_10_an_order_that_comes_and_goes_is_earned_once() -> None:
    per_euro()
    order = sell("100.00")
    account = Account.objects.get()
    debit(account, 100)
    for _ in range(3):
        cancel(order)
        complete(order)
    assert balance_of(account) == 0
    adjust(account, 500)
    cancel(order)
    complete(order)
    assert balance_of(account) == 500
    assert_adds_up()


def test_rw_10_a_part_of_an_order_completed_again_goes_back_once() -> None:
    per_euro()
    order = sell("100.00")
    account = Account.objects.get()
    debit(account, 60)
    cancel(order)  # 40 taken back, 60 missing
    complete(order)  # 40 more
    assert balance_of(account) == 40
    refund(order, at=PLACED + timedelta(hours=2))
    assert balance_of(account) == 0
    assert_adds_up()


def test_the_keys_of_orders_and_redemptions_never_meet(client: Client) -> None:
    user = UserFactory()
    client.force_login(user)
    program = per_euro()
    order = sell("100.00")
    bought = redeem(Account.objects.get(), a_reward(program, 50))
    url = reverse("rewards:redemption-cancel", args=[bought.customer_id, bought.pk])
    assert client.post(url, {"reason": ""}).status_code == 302
    cancel(order)
    keys = Operation.objects.filter(kind__in=("reverse", "refund")).values_list(
        "idempotency_key", flat=True
    )
    assert {key.rsplit(":", 2)[0] for key in keys} == {"undo:redemption", "cancel:order"}


def test_cu_6_a_claimed_order_fills_its_card_before_anything_lapses() -> None:
    with time_machine.travel(PLACED + timedelta(minutes=1), tick=False):
        ana = CustomerFactory(external_id="A-1")
        a_card_program(size=2, measure="items", expiry="inactivity", expiry_days=30)
        order = sell_lines(pastry(quantity=3), customer_external_id=None)
    with time_machine.travel(PLACED + timedelta(days=120), tick=False):
        claim_order(actor=SYSTEM, order_id=order.pk, customer_id=ana.pk, idempotency_key="k")
        assert Account.objects.get().balance == 1
        assert Redemption.objects.get().source == Redemption.Source.CARD
    assert_adds_up()


def test_rw_13_undo_takes_nothing_for_what_expired() -> None:
    account = AccountFactory()
    with time_machine.travel(MAY, tick=False) as clock:
        short = adjust(account, 100, expires_in_days=1)
        adjust(account, 100)
        days_later(account, clock, 2)
        with pytest.raises(NotReversible, match="expired already"):
            undo(short)
    assert balance_of(account) == 100
    assert_adds_up()


def test_rw_13_undo_of_a_reinstatement_that_expired_again_takes_nothing() -> None:
    program = per_euro(expiry="per_lot", expiry_days=10, grace_days=5)
    account = AccountFactory(program=program)
    with time_machine.travel(MAY, tick=False) as clock:
        adjust(account, 100)
        days_later(account, clock, 11)
        expiry = Operation.objects.get(kind="expire")
        back = reinstate_units(actor=SYSTEM, operation_id=expiry.pk, idempotency_key="back")
        days_later(account, clock, 6)
        adjust(account, 100)
        with pytest.raises(NotReversible):
            undo(back)
    assert balance_of(account) == 100
    assert_adds_up()


def test_rw_11_a_gift_that_went_with_its_tier_is_not_opened_again() -> None:
    ladder = a_ladder()
    tier(ladder, "Silver", entry_reward=a_reward(ladder, 100))
    account = a_climber(ladder)
    undo_change(give_tier(account, "Silver", trigger_rewards=True))
    with pytest.raises(Conflict, match="went with its tier"):
        reopen_redemption(actor=SYSTEM, redemption_id=Redemption.objects.get().pk)
    adjust(account, 150)
    assert Redemption.objects.filter(status="outstanding").count() == 1


def test_rw_9_what_a_refunded_order_had_earned_stays_gone() -> None:
    program = per_euro(expiry="per_lot", expiry_days=10)
    with time_machine.travel(PLACED + timedelta(hours=1), tick=False) as clock:
        order = sell("100.00")
        account = Account.objects.get()
        days_later(account, clock, 11)
        refund(order, at=PLACED + timedelta(hours=2))
        expiry = Operation.objects.get(kind="expire")
        with pytest.raises(Conflict, match="cancelled or refunded"):
            reinstate_units(actor=SYSTEM, operation_id=expiry.pk, idempotency_key="back")
    assert program.reinstate_days
    assert balance_of(account) == 0


def test_cu_7_nothing_of_a_removed_customer_moves() -> None:
    program = per_euro()
    sell("100.00")
    account = Account.objects.get()
    bought, credited = redeem(account, a_reward(program, 50)), adjust(account, 30)
    remove_customer(actor=SYSTEM, customer_id=account.customer_id)
    for act in (lambda: cancel_redemption(bought), lambda: undo(credited)):
        with pytest.raises(NotEnrolled):
            act()
    assert balance_of(account) == 80


def test_cu_7_who_comes_back_signs_up_for_nothing_new() -> None:
    member = CustomerFactory()
    version = {"trigger": "sign_up", "measure": "order", "units": 50}
    EarningRuleVersionFactory(rule=EarningRuleFactory(program=ProgramFactory()), **version)
    remove_customer(actor=SYSTEM, customer_id=member.pk)
    enrol_customer(actor=SYSTEM, customer_id=member.pk)
    assert not Operation.objects.exists()


def test_rw_1_a_lapse_left_behind_by_another_policy_takes_nothing() -> None:
    account = AccountFactory(program=ProgramFactory(expiry="never"))
    adjust(account, 100)
    Account.objects.filter(pk=account.pk).update(expires_at=MAY)
    settle_account(customer_id=account.customer_id, program_id=account.program_id)
    assert balance_of(account) == 100


def test_rw_2_a_rule_with_a_slip_of_the_pen_breaks_no_order() -> None:
    rule = EarningRuleFactory(program=ProgramFactory())
    EarningRuleVersionFactory(rule=rule, units=10**9, per=Decimal("0.01"))
    sell("999999999.99")
    assert Account.objects.get().balance == 10**9
