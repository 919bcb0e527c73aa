"""Many orders at once earn what each would have earned alone, to the last row."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.cache import cache
from django.core.management import call_command
from django.db import transaction

from loyalty_admin.common.actor import Actor
from loyalty_admin.staff.models import Store
from rewards.actions import bulk_earning
from rewards.actions.integrity import check_ledgers
from rewards.models import Account, Allocation, Entry, Lot, Program
from tests.customers.ledger_dump import Rows, dump
from tests.customers.order_csv import STORES, MadeOrder, make_orders, write_csv
from tests.factories import (
    CustomerFactory,
    EarningRuleFactory,
    EarningRuleVersionFactory,
    ProgramFactory,
    StoreFactory,
    TierFactory,
    TierMembershipFactory,
)
from tests.loyalty_admin.api_client import Till

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)
MAY = datetime(2026, 5, 1, tzinfo=UTC)
JUNE = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _a_fixed_moment() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def stores() -> None:
    for code, zone in STORES.items():
        kind = Store.Kind.WEB if code == "WEB" else Store.Kind.SHOP
        StoreFactory(code=code, name=f"Store {code}", time_zone=zone, kind=kind)


def every_kind_of_rule() -> None:
    """Three programs that earn, and two rules that do not, with every limit there is."""
    version = EarningRuleVersionFactory
    points = ProgramFactory(
        code="points", pending_days=14, expiry=Program.Expiry.PER_LOT, expiry_days=20
    )
    base = EarningRuleFactory(program=points)
    version(rule=base, number=1)
    version(rule=base, number=2, units=2, effective_from=MAY)
    version(rule=base, number=3, units=3, effective_from=MAY)  # the later of two wins
    version(rule=base, number=4, units=1, per=Decimal("0.75"), effective_from=JUNE)
    pastry = EarningRuleFactory(program=points)
    version(rule=pastry, units=7, per=Decimal("3.30"), categories=["PASTRY", ""], cap_per_order=21)
    shops = EarningRuleFactory(program=points)
    version(rule=shops, units=5, stores=["S-MAD", "WEB"], channels=["shop"], starts_at=MAY,
            ends_at=JUNE)  # fmt: skip
    dollars = EarningRuleFactory(program=points)
    version(rule=dollars, currency="USD")

    stamps = ProgramFactory(stamps=True, code="stamps", rounding=Program.Rounding.UP)
    items = EarningRuleFactory(program=stamps)
    version(rule=items, measure="items", per=Decimal("2.5"), skus=["SKU-1", "SKU-2", "SKU-3"])
    visit = EarningRuleFactory(program=stamps)
    version(rule=visit, measure="order", categories=["MEAT"], units=2, effective_from=MAY)

    nearest = ProgramFactory(
        code="nearest", name="Miles", unit_singular="mile", unit_plural="miles",
        rounding=Program.Rounding.NEAREST, expiry=Program.Expiry.PER_LOT, expiry_days=1,
    )  # fmt: skip
    version(rule=EarningRuleFactory(program=nearest), measure="items", per=Decimal(2))

    capped = ProgramFactory(
        code="capped", name="Beans", tier_basis=Program.TierBasis.LIFETIME_UNITS,
        expiry=Program.Expiry.INACTIVITY, expiry_days=90,
    )  # fmt: skip
    version(rule=EarningRuleFactory(program=capped), cap_per_day=25, cap_per_customer=400)
    version(rule=EarningRuleFactory(program=capped), multiplied_by_tier=False, cap_per_customer=90)
    version(rule=EarningRuleFactory(program=capped), trigger="review", measure="order", units=9)

    version(rule=EarningRuleFactory(program=points, is_active=False))
    version(rule=EarningRuleFactory(program=ProgramFactory(status=Program.Status.PAUSED)))


def people_who_are_known() -> None:
    CustomerFactory(external_id="C-0001", removed=True)
    CustomerFactory(external_id="C-0002", name="José Núñez")
    # A step that nobody earns: given by hand, so that it stays while orders come in.
    capped = Program.objects.get(code="capped")
    step = TierFactory(program=capped, threshold=10**6, multiplier=Decimal("1.25"))
    for number, since in enumerate((MAY, JUNE), start=3):
        TierMembershipFactory(
            customer=CustomerFactory(external_id=f"C-{number:04d}"), tier=step, since=since,
            source="manual", floor=step,
        )  # fmt: skip


def through_the_api(orders: Sequence[MadeOrder], settings: Any) -> dict[str, Rows]:
    """What the orders leave behind when each is posted; nothing of it stays."""
    cache.clear()
    settings.API_REQUESTS_PER_MINUTE = 10**6
    till, point = Till(), transaction.savepoint()
    for order in orders:
        answer = till.post(order.body(), key=f"{order.store}:{order.number}")
        assert answer.status_code == 201, answer.content
    assert check_ledgers(actor=Actor.system("test")).discrepancies == []
    result = dump()
    transaction.savepoint_rollback(point)
    return result


def through_the_import(path: Path, *options: str) -> dict[str, Rows]:
    call_command("import_orders", str(path), *options, stdout=StringIO())
    assert check_ledgers(actor=Actor.system("test")).discrepancies == []
    return dump()


def assert_equal(one: dict[str, Rows], other: dict[str, Rows]) -> None:
    for name, rows in one.items():
        assert rows == other[name], name


def test_two_thousand_orders_leave_the_same_either_way(
    stores: None, settings: Any, tmp_path: Path
) -> None:
    every_kind_of_rule()
    people_who_are_known()
    orders = make_orders(2000)
    by_api = through_the_api(orders, settings)
    path = write_csv(tmp_path / "orders.csv", orders)
    by_import = through_the_import(path, "--batch=700")

    assert_equal(by_api, by_import)
    assert len(by_import["orders"]) == 2000
    # The comparison has something to compare: every bucket, expiry, program and rule.
    assert {entry.bucket for entry in Entry.objects.all()} == {"available", "pending"}
    assert Entry.objects.values("rule_version").distinct().count() == 10
    assert set(Lot.objects.values_list("is_pending", flat=True)) == {True, False}
    assert Lot.objects.filter(expires_at=None).exists()
    assert Lot.objects.exclude(expires_at=None).exists()
    assert Account.objects.values("program").distinct().count() == 4
    assert Entry.objects.filter(multiplier=Decimal("1.25")).exists()
    assert Account.objects.filter(expires_at__isnull=False).exists()
    assert not Account.objects.filter(customer__external_id="C-0001").exists()


def test_a_debt_is_paid_first_either_way(stores: None, settings: Any, tmp_path: Path) -> None:
    program = ProgramFactory(code="points")
    EarningRuleVersionFactory(rule=EarningRuleFactory(program=program))
    debtor = CustomerFactory(external_id="C-0000")
    Account.objects.create(customer=debtor, program=program, balance=-45, debt=45)
    orders = make_orders(40, customers=2)
    # The debt has no history here, so that the ledger does not add up by itself.
    till, point = Till(), transaction.savepoint()
    for order in orders:
        assert till.post(order.body()).status_code == 201
    by_api = dump()
    transaction.savepoint_rollback(point)
    path = write_csv(tmp_path / "orders.csv", orders)
    call_command("import_orders", str(path), "--batch=3", stdout=StringIO())

    assert_equal(by_api, dump())
    assert Account.objects.get(customer=debtor).debt == 0
    assert sum(Allocation.objects.values_list("amount", flat=True)) == 45
    assert Allocation.objects.count() > 1


def test_no_program_no_ledger(stores: None, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "orders.csv", make_orders(20))
    left = through_the_import(path)

    assert len(left["orders"]) == 20
    assert left["operations"] == left["accounts"] == []
    assert all("earned', []" in str(event) for event in left["events"] if "recorded" in str(event))


def test_control_a_changed_rounding_is_noticed(
    stores: None, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The comparison can fail: with one sign of the arithmetic changed it does."""
    every_kind_of_rule()
    orders = make_orders(60)
    by_api = through_the_api(orders, settings)
    wrong = bulk_earning._EARNED.replace("mod(base, per) > 0", "mod(base, per) >= 0")
    assert wrong != bulk_earning._EARNED
    monkeypatch.setattr(bulk_earning, "_EARNED", wrong)
    by_import = through_the_import(write_csv(tmp_path / "orders.csv", orders))

    assert by_api["orders"] == by_import["orders"]
    assert by_api["entries"] != by_import["entries"]
