"""RW-11: orders move their customers up the ladder, one by one and imported, with one outcome."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.cache import cache
from django.core.management import call_command
from django.db import transaction

from customers.actions.orders import record_order
from rewards.models import Account, Entry, Program, TierMembership
from tests.customers.drafts import a_draft, a_line
from tests.customers.order_csv import STORES, make_orders, write_csv
from tests.factories import (
    EarningRuleFactory,
    EarningRuleVersionFactory,
    RewardFactory,
    StoreFactory,
)
from tests.loyalty_admin.api_client import Till
from tests.rewards.ladders import a_climber, a_ladder, stands_on, tier
from tests.rewards.ledger import SYSTEM, assert_adds_up, balance_of

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


def _order(account: Account, number: str, total: str, placed_at: datetime = NOW) -> None:
    draft = a_draft(
        number=number, store=StoreFactory(code="ST-330").code, placed_at=placed_at,
        customer_external_id=account.customer.external_id, lines=[a_line(total=Decimal(total))],
    )  # fmt: skip
    record_order(actor=SYSTEM, draft=draft, idempotency_key=number)


def test_rw_11_an_order_is_multiplied_by_the_step_on_which_it_was_placed(
    clock: time_machine.Traveller,
) -> None:
    account = a_climber()
    EarningRuleVersionFactory(rule=EarningRuleFactory(program=account.program))
    _order(account, "1", "600.00")  # reaches Gold, and is not multiplied by it
    assert (stands_on(account), balance_of(account)) == ("Gold", 600)
    clock.move_to(NOW + DAY)
    _order(account, "2", "100.00", NOW + DAY)
    assert balance_of(account) == 750
    _order(account, "3", "100.00", NOW - DAY)  # came in late: nobody stood on Gold yet
    assert balance_of(account) == 850
    multipliers = Entry.objects.order_by("pk").values_list("multiplier", flat=True)
    assert list(multipliers) == [1, Decimal("1.5"), 1]
    assert_adds_up()


def test_rw_11_money_moves_at_once_even_where_nothing_is_earned() -> None:
    account = a_climber(a_ladder(Program.TierBasis.WINDOW_SPEND))
    _order(account, "1", "499.99")
    assert stands_on(account) == "Silver"
    _order(account, "2", "0.01")
    assert stands_on(account) == "Gold"
    assert Entry.objects.count() == 0


Outcome = dict[tuple[str, str], tuple[str, int]]


def _outcome() -> Outcome:
    """By customer and program: the step, and the balance."""
    stands = {
        (row.customer_id, row.program_id): row.tier.name
        for row in TierMembership.objects.filter(ended_at=None).select_related("tier")
    }
    return {
        (account.customer.external_id or "", account.program.code): (
            stands.get((account.customer_id, account.program_id), ""),
            account.balance,
        )
        for account in Account.objects.select_related("customer", "program")
    }


def test_rw_11_an_import_leaves_everybody_where_single_orders_do(
    settings: Any, tmp_path: Path
) -> None:
    settings.API_REQUESTS_PER_MINUTE = 10**6
    for code, zone in STORES.items():
        StoreFactory(code=code, time_zone=zone)
    for basis in ("lifetime_units", "window_spend"):
        program = a_ladder(basis, code=basis, tier_window_days=40)
        tier(program, "Silver", threshold=50, entry_units=7)
        tier(program, "Gold", threshold=150, entry_reward=RewardFactory(program=program))
        rule = EarningRuleFactory(program=program)
        EarningRuleVersionFactory(rule=rule, categories=["PASTRY", "MEAT"])
    orders = make_orders(150, customers=12)
    cache.clear()
    till, point = Till(), transaction.savepoint()
    for order in orders:
        assert till.post(order.body()).status_code == 201
    one_by_one = _outcome()
    assert_adds_up()
    transaction.savepoint_rollback(point)
    path = write_csv(tmp_path / "orders.csv", orders)
    call_command("import_orders", str(path), "--batch=40", stdout=StringIO())

    assert _outcome() == one_by_one
    assert_adds_up()
    assert {step for step, _ in one_by_one.values()} >= {"Silver", "Gold"}
    # What happened before somebody stood on a step is not multiplied by it.
    assert set(Entry.objects.values_list("multiplier", flat=True)) == {1}
