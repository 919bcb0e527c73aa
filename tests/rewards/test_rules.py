"""What an order earns by a rule (RW-2): limits, measures, rounding, caps and line shares."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customers.models import Order, OrderLine
from loyalty_admin.staff.models import Store
from rewards.models import EarningRuleVersion, Program
from rewards.rules import line_shares, units_for

PLACED = datetime(2026, 3, 1, 12, tzinfo=UTC)
Measure = EarningRuleVersion.Measure


def _version(**fields: Any) -> EarningRuleVersion:
    return EarningRuleVersion(**({"units": 1, "per": Decimal(1), "currency": "EUR"} | fields))


def _line(
    total: str, *, category: str = "GROCERY", sku: str = "A", quantity: str = "1"
) -> OrderLine:
    return OrderLine(total=Decimal(total), category=category, sku=sku, quantity=Decimal(quantity))


def _units(version: EarningRuleVersion, *lines: OrderLine, rounding: str = "down") -> int:
    order = Order(placed_at=PLACED, currency="EUR", store=Store(code="S-1", kind="shop"))
    return units_for(version, Program(rounding=rounding), order, lines)


@pytest.mark.parametrize(("rounding", "units"), [("down", 4), ("nearest", 5), ("up", 5)])
def test_rw_2_whole_amounts_are_rounded_per_order(rounding: str, units: int) -> None:
    assert _units(_version(), _line("2.49"), _line("2.01"), rounding=rounding) == units


def test_rw_2_measures() -> None:
    lines = _line("10.00", quantity="3"), _line("2.00", quantity="2.5")
    assert _units(_version(units=2, per=Decimal(5)), *lines) == 4
    assert _units(_version(measure=Measure.ITEMS, per=Decimal(2)), *lines) == 2
    assert _units(_version(measure=Measure.ORDER, units=7), *lines) == 7
    assert _units(_version(measure=Measure.ORDER, units=7, categories=["WINE"]), *lines) == 0


def test_rw_2_limits() -> None:
    lines = _line("10.00"), _line("5.00", category="WINE", sku="B")
    hour = timedelta(hours=1)
    cases: list[tuple[dict[str, object], int]] = [
        ({"categories": ["WINE"]}, 5),
        ({"skus": ["A"]}, 10),
        ({"skus": ["A"], "categories": ["WINE"]}, 0),
        ({"stores": ["S-1"]}, 15),
        ({"stores": ["S-2"]}, 0),
        ({"channels": ["shop"]}, 15),
        ({"channels": ["web"]}, 0),
        ({"starts_at": PLACED}, 15),
        ({"starts_at": PLACED + hour}, 0),
        ({"ends_at": PLACED}, 0),
        ({"ends_at": PLACED + hour}, 15),
        ({"currency": "USD"}, 0),
        ({"cap_per_order": 12}, 12),
        ({"cap_per_order": 20}, 15),
    ]
    for limits, units in cases:
        assert _units(_version(**limits), *lines) == units, limits


def test_zero_lines_earn_nothing_and_break_nothing() -> None:
    assert _units(_version(), _line("0.00", quantity="0")) == 0
    assert _units(_version()) == 0


amounts = st.lists(
    st.tuples(
        st.decimals(min_value=0, max_value=500, places=2), st.sampled_from(["GROCERY", "WINE"])
    ),
    max_size=12,
)


@given(
    lines=amounts,
    measure=st.sampled_from(list(Measure)),
    cap=st.none() | st.integers(0, 50),
    rounding=st.sampled_from(list(Program.Rounding)),
    later=st.sampled_from(list(Program.Rounding)),
)
def test_the_lines_shares_add_up_to_the_order(
    lines: list[tuple[Decimal, str]], measure: str, cap: int | None, rounding: str, later: str
) -> None:
    version = _version(
        measure=measure, units=3, per=Decimal(7), cap_per_order=cap, categories=["WINE"]
    )
    rows = [_line(str(total), category=category) for total, category in lines]
    total = _units(version, *rows, rounding=rounding)
    shares = line_shares(version, Program(rounding=later), rows, total)
    assert sum(shares) == total
    assert all(share >= 0 for share in shares)
    assert all(not share for share, row in zip(shares, rows, strict=True) if row.category != "WINE")
