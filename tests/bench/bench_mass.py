"""A mass adjustment beside its floor: `python -m tests.bench.bench_mass ROWS`.

Both apply the same file, one row in a hundred of which is bad, each to a database of its own.
Then the worker is killed half way and another one goes on, and the batch is undone: every
balance has to come back. What is found wrong on the way ends the run.
"""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import psycopg

from tests.bench.bench_import import ROOT, database, manage, rows_in

FLOOR = Path(__file__).with_name("mass_floor.sql")
TEMPLATE = "bench_mass_template"
ROWS = 100_000
GOAL = 2.5
COLUMNS = ("customer", "amount", "reason", "internal_note", "customer_comment")
COUNTED = (
    "rewards_operation", "rewards_entry", "rewards_lot", "rewards_allocation", "rewards_account",
    "rewards_massadjustment", "rewards_massadjustmentrow", "activity_event",
)  # fmt: skip
# What each hundredth row has instead of a right one.
BAD: tuple[dict[str, str], ...] = (
    {"customer": "nobody@example.com"},
    {"amount": "1,000"},
    {"reason": "no-such-reason"},
    {"customer": "C9999999"},
)

_RAW = """
CREATE TEMP TABLE raw_line (line bigint GENERATED ALWAYS AS IDENTITY (START WITH 2), customer text,
    amount text, reason text, internal_note text, customer_comment text)
"""
_COPY = f"COPY raw_line ({', '.join(COLUMNS)}) FROM STDIN WITH (FORMAT csv, HEADER)"
_PEOPLE = """
SELECT c.external_id,
       CASE WHEN (SELECT count(*) FROM customers_customer WHERE document = c.document) = 1
            THEN c.document ELSE c.external_id END, a.balance,
       (SELECT value FROM activity_contactpoint
        WHERE customer_id = c.id AND kind = 'email' LIMIT 1)
FROM rewards_account AS a JOIN customers_customer AS c ON c.id = a.customer_id
ORDER BY md5(c.external_id) LIMIT %s
"""
_BALANCES = """
SELECT count(*), sum(a.balance), sum(a.balance * c.id % 1000003)
FROM rewards_account AS a JOIN customers_customer AS c ON c.id = a.customer_id
"""


def main(rows: int, rounds: int = 1) -> float:
    """Print the times, the proofs, and answer the ratio."""
    ratios = []
    with database(TEMPLATE, like="template0") as url, TemporaryDirectory() as directory:
        _fill(url, rows)
        path = Path(directory) / "file.csv"
        bad = write_file(url, path, rows)
        for _ in range(rounds):
            bare, counts = floor(path)
            times, same = ours(path, rows, bad)
            if counts != same:
                raise AssertionError(f"the floor wrote {counts}, the mass adjustment {same}")
            ratios.append(sum(times.values()) / bare)
            told = ", ".join(f"{step} {seconds:.1f} s" for step, seconds in times.items())
            print(f"mass adjustment of {rows:,} rows: {told}; floor {bare:.1f} s", flush=True)
        ratio = sorted(ratios)[len(ratios) // 2]
        met = "met" if ratio <= GOAL else "MISSED"
        print(f"ratio {ratio:.2f}, goal ≤ {GOAL}: {met}", flush=True)
        print(killed_and_undone(path, rows, bad), flush=True)
    return ratio


def write_file(url: str, path: Path, rows: int) -> set[int]:
    """Credits and debits of as many customers by three kinds of key; the lines of the bad rows."""
    with psycopg.connect(url) as db:
        people = db.execute(_PEOPLE, [rows]).fetchall()
    bad = set()
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        for number, (external_id, document, balance, email) in enumerate(people):
            key = email if number % 5 == 0 else document if number % 7 == 0 else external_id
            amount = -1 - number % balance if number % 4 == 0 else 1 + number % 500
            row = {"customer": key, "amount": str(amount), "reason": "bench"}
            row |= {"internal_note": f"Campaign {number % 9}", "customer_comment": "Thank you"}
            if number % 100 == 50:
                row |= BAD[number // 100 % len(BAD)]
                bad.add(number + 2)
            writer.writerow(row)
    return bad


def floor(path: Path) -> tuple[float, dict[str, int]]:
    """Seconds of COPY, checking and writing in bare SQL, and the rows in each table."""
    with database("bench_mass_floor", like=TEMPLATE) as url, psycopg.connect(url) as db:
        db.execute("ANALYZE")
        db.commit()
        started = perf_counter()
        db.execute(_RAW)
        with path.open("rb") as file, db.cursor().copy(_COPY) as copy:
            while block := file.read(1 << 20):
                copy.write(block)
        db.execute("ANALYZE raw_line")
        db.execute(FLOOR.read_text())
        db.commit()
        return perf_counter() - started, rows_in(db, COUNTED)


def ours(path: Path, rows: int, bad: set[int]) -> tuple[dict[str, float], dict[str, int]]:
    """Seconds of each step, and the rows in each table; every bad row is told of, and no other."""
    with database("bench_mass_ours", like=TEMPLATE) as url:
        times = json.loads(_step(url, "upload", str(path)))
        with psycopg.connect(url) as db:
            found = db.execute(
                "SELECT line FROM rewards_massadjustmentrow WHERE outcome = 'bad' AND problem <> ''"
            )
            if {line for (line,) in found} != bad:
                raise AssertionError("the dry run did not report exactly the bad rows")
        times |= json.loads(_step(url, "apply"))
        manage(url, "check_ledgers")
        with psycopg.connect(url) as db:
            return times, rows_in(db, COUNTED)


def killed_and_undone(path: Path, rows: int, bad: set[int]) -> str:
    """Kill the worker half way, go on, undo; answers in words what held."""
    with database("bench_mass_ours", like=TEMPLATE) as url:
        before = _row(url, _BALANCES)
        _step(url, "upload", str(path), str(rows // 20))
        worker = _start(url, "apply")
        while (done := _row(url, "SELECT done FROM rewards_massadjustment")[0]) < rows // 2:
            if worker.poll() is not None:
                raise AssertionError("the worker was through before it could be killed")
            time.sleep(0.02)
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        manage(url, "check_ledgers")
        _step(url, "go-on")
        manage(url, "check_ledgers")
        applied = _row(
            url, "SELECT count(*) FROM rewards_operation WHERE idempotency_key ~ '^mass:'"
        )
        if applied != (rows - len(bad),):
            raise AssertionError(f"{applied} operations of {rows - len(bad)}")
        times = json.loads(_step(url, "undo"))
        manage(url, "check_ledgers")
        if _row(url, _BALANCES) != before:
            raise AssertionError("a balance did not come back")
    return (
        f"killed at {done:,} rows and gone on with: {applied[0]:,} operations, nothing lost or "
        f"doubled; undone in {times['undo']:.1f} s: every balance is back"
    )


def _fill(url: str, rows: int) -> None:
    manage(url, "migrate", "--verbosity=0")
    _step(url, "fill", str(rows))


def _row(url: str, query: str) -> tuple[Any, ...]:
    with psycopg.connect(url) as db:
        return tuple(db.execute(query).fetchone() or ())


def _start(url: str, *step: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.bench.mass_steps", *step],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": url, "DEBUG": "true", "LOG_LEVEL": "ERROR"},
        stdout=subprocess.PIPE,
        text=True,
    )


def _step(url: str, *step: str) -> str:
    process = _start(url, *step)
    out, _ = process.communicate()
    if process.returncode:
        raise AssertionError(f"{step} ended with {process.returncode}")
    return out


if __name__ == "__main__":
    main(
        int(sys.argv[1]) if len(sys.argv) > 1 else ROWS,
        rounds=int(sys.argv[2]) if len(sys.argv) > 2 else 1,
    )
