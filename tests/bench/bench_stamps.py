"""Stamp cards of real orders beside a count of the file: `python -m tests.bench.bench_stamps FILE`.

One stamp for each order that holds a line of the category, a reward for each full card. The
count reads the file as plain CSV and knows nothing of the ledger; both must agree to the last
customer.
"""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from time import perf_counter

import psycopg

from tests.bench.bench_import import ROOT, database, manage, opened

CATEGORY, SIZE = "PASTRY", 10
PREPARE = "--prepare"

_HELD = """
SELECT c.external_id, a.balance,
       (SELECT sum(granted) FROM rewards_lot WHERE account_id = a.id),
       (SELECT sum(remaining) FROM rewards_lot WHERE account_id = a.id),
       (SELECT count(*) FROM rewards_redemption
        WHERE account_id = a.id AND source = 'card' AND status = 'outstanding'),
       (SELECT coalesce(max(position), 0) FROM rewards_redemption WHERE account_id = a.id),
       (SELECT coalesce(sum(l.amount), 0) FROM rewards_allocation AS l
        JOIN rewards_entry AS e ON e.id = l.entry_id WHERE e.account_id = a.id)
FROM rewards_account AS a JOIN customers_customer AS c ON c.id = a.customer_id
"""


def main(path: Path) -> None:
    """Import the file, count it, and print both; a difference raises AssertionError."""
    expected = counted(path)
    print(f"{sum(expected.values()):,} stamps of {len(expected):,} customers by the file", end=", ")
    print(f"{sum(stamps // SIZE for stamps in expected.values()):,} full cards")
    with database("bench_stamps", like="template0") as url:
        manage(url, "migrate", "--verbosity=0")
        environment = os.environ | {"DATABASE_URL": url, "DEBUG": "true"}
        command = [sys.executable, "-m", "tests.bench.bench_stamps", PREPARE]
        subprocess.run(command, cwd=ROOT, env=environment, check=True)
        started = perf_counter()
        manage(url, "import_orders", str(path.resolve()))
        print(f"imported in {perf_counter() - started:.1f} s")
        manage(url, "check_ledgers")
        with psycopg.connect(url) as db:
            held = {row[0]: tuple(map(int, row[1:])) for row in db.execute(_HELD)}
    compare(expected, held)


def counted(path: Path) -> Counter[str]:
    """How many orders of each customer hold a line of the category."""
    orders: dict[tuple[str, str], str] = {}
    with opened(path) as file, io.TextIOWrapper(file, encoding="utf-8", newline="") as text:
        for row in csv.DictReader(text):
            if row["category"] == CATEGORY and row["customer_external_id"]:
                order = row["store"], row["order_number"]
                orders[order] = row["customer_external_id"]
    return Counter(orders.values())


def compare(expected: Counter[str], held: dict[str, tuple[int, ...]]) -> None:
    """Hold the ledger to the count, customer by customer."""
    wanted = {
        person: (
            stamps % SIZE,
            stamps,
            stamps % SIZE,
            stamps // SIZE,
            stamps // SIZE,
            stamps // SIZE * SIZE,
        )
        for person, stamps in expected.items()
    }
    different = [
        person for person in wanted.keys() | held.keys() if wanted.get(person) != held.get(person)
    ]
    if different:
        first = min(different)
        raise AssertionError(
            f"{len(different):,} customers differ, as {first}: counted {wanted.get(first)}, "
            f"in the ledger {held.get(first)}"
        )
    granted, left, cards, taken = (
        sum(row[place] for row in held.values()) for place in (1, 2, 3, 5)
    )
    print(
        f"{granted:,} stamps in lots, {taken:,} on {cards:,} full cards with as many rewards, "
        f"{left:,} on open cards of {len(held):,} customers: all as counted"
    )


def prepare() -> None:
    """The program, its reward and its rule, as a store admin makes them."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "loyalty_admin.settings"
    import django

    django.setup()
    from decimal import Decimal

    from loyalty_admin.common.actor import Actor
    from rewards.actions.programs import RuleTerms, change_program, create_program, create_rule
    from rewards.models import Program, Reward

    actor = Actor.system("bench")
    program = create_program(
        actor=actor,
        code="stamps",
        kind=Program.Kind.STAMPS,
        name="Pastry card",
        unit_singular="stamp",
        unit_plural="stamps",
        unit_value=Decimal("0.25"),
        currency="EUR",
        card_size=SIZE,
        status=Program.Status.ACTIVE,
    )
    reward = Reward.objects.create(
        program=program, name="Free pastry", kind=Reward.Kind.PRODUCT, cost=SIZE
    )
    change_program(actor=actor, program_id=program.pk, card_reward=reward)
    terms = RuleTerms(
        units=1, per=Decimal(1), currency="EUR", measure="order", categories=(CATEGORY,)
    )
    create_rule(actor=actor, program_id=program.pk, name="A stamp for pastry", terms=terms)


if __name__ == "__main__":
    if sys.argv[1] == PREPARE:
        prepare()
    else:
        main(Path(sys.argv[1]))
