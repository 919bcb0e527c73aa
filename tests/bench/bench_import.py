"""The order import beside its floor: `python -m tests.bench.bench_import FILE`.

Each run gets a database of its own, made from one that is migrated and has a program.
"""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import BinaryIO, cast
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from loyalty_admin import embedded

ROOT = Path(__file__).resolve().parent.parent.parent
FLOOR = Path(__file__).with_name("import_floor.sql")
TEMPLATE = "bench_import_template"
TABLES = (
    "staff_store", "customers_customer", "customers_order", "customers_orderline",
    "rewards_account", "rewards_operation", "rewards_entry", "rewards_lot", "activity_event",
)  # fmt: skip

_RAW = """
CREATE TEMP TABLE raw_line (
    line bigint GENERATED ALWAYS AS IDENTITY, order_number text, placed_at timestamp,
    customer text, store text, sku text, product text, category text, quantity numeric,
    total numeric, discount numeric)
"""
_COPY = """
COPY raw_line (order_number, placed_at, customer, store, sku, product, category, quantity, total,
               discount) FROM STDIN WITH (FORMAT csv, HEADER)
"""


def main(path: Path, rounds: int = 1) -> float:
    """Print both times, prove that both wrote as many rows, and answer the ratio."""
    ratios = []
    with template():
        for number in range(rounds):
            # Turns change, so that a machine that grows slower or quicker favours nobody.
            ways = [("floor", floor), ("import", ours)][:: 1 if number % 2 == 0 else -1]
            results = {name: way(path) for name, way in ways}
            (bare, rows), (seconds, same) = results["floor"], results["import"]
            if rows != same:
                raise AssertionError(f"the floor wrote {rows}, the import {same}")
            ratios.append(seconds / bare)
            print(f"import {seconds:6.1f} s, floor {bare:6.1f} s, ratio {ratios[-1]:.2f}")
    print(", ".join(f"{name} {count:,}" for name, count in rows.items()))
    return sorted(ratios)[len(ratios) // 2]


def floor(path: Path) -> tuple[float, dict[str, int]]:
    """Seconds of COPY and INSERT ... SELECT, and the rows in each table."""
    statements = FLOOR.read_text()
    with database("bench_import_floor") as url, psycopg.connect(url) as db:
        started = perf_counter()
        db.execute(_RAW)
        with opened(path) as file, db.cursor().copy(_COPY) as copy:
            while block := file.read(1 << 20):
                copy.write(block)
        db.execute("ANALYZE raw_line")
        db.execute(statements)
        db.commit()
        return perf_counter() - started, rows_in(db)


def ours(path: Path) -> tuple[float, dict[str, int]]:
    """Seconds of `manage.py import_orders`, its start included, and the rows in each table."""
    with database("bench_import_ours") as url:
        started = perf_counter()
        manage(url, "import_orders", str(path))
        seconds = perf_counter() - started
        manage(url, "check_ledgers")
        with psycopg.connect(url) as db:
            return seconds, rows_in(db)


@contextmanager
def template() -> Iterator[None]:
    """A migrated database with one program: a point for each whole unit of money."""
    with database(TEMPLATE, like="template0") as url:
        manage(url, "migrate", "--verbosity=0")
        manage(url, "create_program")
        yield


@contextmanager
def database(name: str, like: str = TEMPLATE) -> Iterator[str]:
    """The address of a fresh database, which is dropped afterwards."""
    new, source = sql.Identifier(name), sql.Identifier(like)
    with psycopg.connect(server(), autocommit=True) as admin:
        admin.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(new))
        admin.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(new, source))
        try:
            yield urlunsplit(urlsplit(server())._replace(path=f"/{name}"))
        finally:
            # Not by FORCE, which may not end an autovacuum of the server; plain DROP does.
            admin.execute(sql.SQL("DROP DATABASE {}").format(new))


def server() -> str:
    """Where the databases are made: DATABASE_URL, or the developer's own server."""
    return os.environ.get("DATABASE_URL") or embedded.ensure_postgres()


def manage(url: str, *command: str) -> None:
    """Run a management command on that database."""
    environment: Mapping[str, str] = os.environ | {"DATABASE_URL": url, "DEBUG": "true"}
    subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=ROOT,
        env=environment,
        check=True,
        stdout=subprocess.DEVNULL,
    )


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """The file, plain or gzip, as its name says."""
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        yield cast(BinaryIO, file)


def rows_in(db: psycopg.Connection, tables: Sequence[str] = TABLES) -> dict[str, int]:
    """How many rows each table holds."""
    counts = {}
    for table in tables:
        query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))
        row = db.execute(query).fetchone()
        counts[table] = row[0] if row else 0
    return counts


if __name__ == "__main__":
    main(Path(sys.argv[1]), rounds=int(sys.argv[2]) if len(sys.argv) > 2 else 1)
