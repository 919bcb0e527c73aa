"""Stamps, cards and rewards of thousands of orders, beside a count that knows no ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import pytest
from django.db.models import Count, Max, Min, Sum

from rewards.models import Account, Allocation, Entry, Lot, Operation, Redemption
from tests.customers.importing import run
from tests.customers.order_csv import STORES, MadeOrder, make_orders, write_csv
from tests.factories import StoreFactory
from tests.rewards.ledger import assert_adds_up
from tests.rewards.shop import MEASURE, PASTRY, a_card_program

pytestmark = pytest.mark.django_db

SIZE = 10


@pytest.fixture(autouse=True)
def stores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for code, zone in STORES.items():
        StoreFactory(code=code, name=f"Store {code}", time_zone=zone)


def counted(orders: Sequence[MadeOrder], measure: str) -> dict[str, list[int]]:
    """What each order with pastry gives its customer, in plain Python."""
    stamps: dict[str, list[int]] = {}
    for order in orders:
        bought = [Decimal(x["quantity"]) for x in order.lines if x["category"] == PASTRY]
        given = len(bought[:1]) if measure == MEASURE.ORDER else int(sum(bought))
        if order.customer and given:
            stamps.setdefault(order.customer, []).append(given)
    return stamps


@pytest.mark.parametrize("measure", [MEASURE.ORDER, MEASURE.ITEMS])
@pytest.mark.parametrize(("seed", "batch"), [(1, 2500), (2, 90)])
def test_rw_8_cards_and_rewards_add_up_against_a_count_of_the_orders(
    measure: str, seed: int, batch: int
) -> None:
    program = a_card_program(SIZE, measure=measure)
    orders = make_orders(2500, seed=seed, customers=25)
    expected = counted(orders, measure)
    assert len(expected) > 20
    assert any(sum(given) > 2 * SIZE for given in expected.values())

    run(write_csv(Path("orders.csv"), orders), f"--batch={batch}")

    totals = {person: sum(given) for person, given in expected.items()}
    assert balances() == {person: total % SIZE for person, total in totals.items()}
    assert cards() == {person: total // SIZE for person, total in totals.items() if total >= SIZE}
    assert lots() == {person: sorted(given) for person, given in expected.items()}
    check_cards(sum(total // SIZE for total in totals.values()))
    reward = program.card_reward
    assert reward is not None
    assert set(Redemption.objects.values_list("reward", flat=True)) == {reward.pk}
    assert_adds_up()


def balances() -> dict[str, int]:
    """The stamps on the card that each customer has in hand."""
    rows = Account.objects.values_list("customer__external_id", "balance")
    return {str(person): balance for person, balance in rows}


def cards() -> dict[str, int]:
    """How many cards each customer has filled; they are numbered without a gap."""
    rows = Redemption.objects.values("customer__external_id").annotate(
        count=Count("pk"), first=Min("position"), last=Max("position")
    )
    assert all(row["first"] == 1 and row["last"] == row["count"] for row in rows)
    return {str(row["customer__external_id"]): row["count"] for row in rows}


def lots() -> dict[str, list[int]]:
    """What each credit brought each customer."""
    brought: dict[str, list[int]] = {}
    for person, granted in Lot.objects.values_list("account__customer__external_id", "granted"):
        brought.setdefault(str(person), []).append(granted)
    return {person: sorted(granted) for person, granted in brought.items()}


def check_cards(count: int) -> None:
    """Each card is one operation that took a card's stamps from lots, and one reward."""
    redeemed = Operation.objects.filter(kind=Operation.Kind.REDEEM)
    assert redeemed.count() == Redemption.objects.filter(source="card").count() == count
    entries = Entry.objects.filter(operation__in=redeemed)
    assert Counter(entries.values_list("amount", flat=True)) == {-SIZE: count}
    taken = Allocation.objects.filter(entry__in=entries).values("entry").annotate(Sum("amount"))
    assert {row["amount__sum"] for row in taken} == {SIZE}
