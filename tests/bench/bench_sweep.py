"""The expiry sweep beside its floor: `python -m tests.bench.bench_sweep LOTS`.

Both expire the same lots, each in a database of its own. Then two workers sweep at once, are
killed half way and started again: each lot has to expire once. What is found wrong on
the way ends the run.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

import psycopg

from tests.bench.bench_import import ROOT, database, manage, rows_in

FLOOR = Path(__file__).with_name("sweep_floor.sql")
TEMPLATE = "bench_sweep_template"
LOTS = 100_000
GOAL, LONGEST = 1.5, 1.0
COUNTED = (
    "rewards_account", "rewards_operation", "rewards_entry", "rewards_lot", "rewards_allocation",
    "activity_event", "activity_auditrecord",
)  # fmt: skip

# Two lots of each account are due and a third one is not; an account's lots lie apart, as they
# do where each came with an order of another day.
_FILL = """
INSERT INTO customers_customer
    (external_id, name, document, address, language, status, joined_at, created_at, search_text)
SELECT 'C' || k, 'Customer ' || k, '', '', 'en', 'member', now(), now(), ''
FROM generate_series(1, %(accounts)s) AS k;
INSERT INTO rewards_account (customer_id, program_id, balance, pending, debt)
SELECT c.id, p.id, 60, 0, 0 FROM customers_customer AS c, rewards_program AS p ORDER BY c.id;
INSERT INTO rewards_operation
    (customer_id, kind, internal_note, customer_comment, reference, counts_for_tier,
     idempotency_key, fingerprint, occurred_at, recorded_at, actor_kind, actor_label)
SELECT customer_id, 'earn', '', '', '', true, 'opening:' || k || ':' || id, '',
       now() - interval '1 year', now(), 'system', 'opening'
FROM generate_series(1, 3) AS k, rewards_account ORDER BY k, id;
INSERT INTO rewards_entry
    (operation_id, account_id, customer_id, bucket, kind, amount, balance_after, occurred_at)
SELECT o.id, a.id, a.customer_id, 'available', 'earned', 10 * k.number,
       5 * k.number * (k.number + 1), o.occurred_at
FROM rewards_operation AS o
JOIN rewards_account AS a ON a.customer_id = o.customer_id,
LATERAL (SELECT split_part(o.idempotency_key, ':', 2)::int AS number) AS k
ORDER BY o.id;
INSERT INTO rewards_lot
    (account_id, customer_id, entry_id, granted, remaining, is_pending, available_at, expires_at)
SELECT account_id, customer_id, id, amount, amount, false, occurred_at,
       CASE WHEN amount = 30 THEN now() + interval '1 year'
            ELSE now() - (account_id %% 500) * interval '10 minutes' END
FROM rewards_entry ORDER BY id;
"""
_WRONG = """
SELECT (SELECT count(*) FROM rewards_lot WHERE remaining > 0 AND expires_at <= now()),
       (SELECT count(*) - count(DISTINCT lot_id) FROM rewards_allocation),
       (SELECT count(*) FROM rewards_account WHERE balance <> 30)
"""
_EXPIRED = "SELECT count(*) FROM rewards_operation WHERE kind = 'expire'"


def main(lots: int) -> float:
    """Print the times, the proofs, and answer the ratio."""
    with database(TEMPLATE, like="template0") as url:
        begun = perf_counter()
        _fill(url, lots)
        print(f"{lots:,} due lots made in {perf_counter() - begun:.0f} s", flush=True)
        bare, batches, rows = floor(lots)
        seconds, longest, same = ours()
        if rows != same:
            raise AssertionError(f"the floor wrote {rows}, the sweep {same}")
        ratio = seconds / bare
        print(f"sweep of {lots:,} lots: {seconds:.1f} s; floor {bare:.1f} s in {batches} batches")
        print(f"ratio {ratio:.2f}, goal ≤ {GOAL}: {_met(ratio <= GOAL)}")
        print(f"longest batch {longest:.2f} s, goal ≤ {LONGEST:g} s: {_met(longest <= LONGEST)}")
        print(two_at_once(lots), flush=True)
    return ratio


def floor(lots: int) -> tuple[float, int, dict[str, int]]:
    """Seconds of bare SQL in batches as large as the sweep's, how many, and the rows written."""
    from rewards.actions.sweeping import LOTS as BATCH

    now, statement = datetime.now(UTC), FLOOR.read_text()
    with database("bench_sweep_floor", like=TEMPLATE) as url, psycopg.connect(url) as db:
        db.execute("ANALYZE")
        last = _row(db, "SELECT max(id) FROM rewards_account")[0]
        db.commit()
        begun, batches = perf_counter(), 0
        for first in range(1, last + 1, BATCH // 2):
            # Client-side, so that several statements go in one round trip.
            with psycopg.ClientCursor(db) as cursor:
                cursor.execute(
                    statement, {"first": first, "last": first + BATCH // 2 - 1, "now": now}
                )
            db.commit()
            batches += 1
        seconds = perf_counter() - begun
        _check(db)
        return seconds, batches, rows_in(db, COUNTED)


def ours() -> tuple[float, float, dict[str, int]]:
    """Seconds of one worker, its start included; of its longest batch; and the rows written."""
    with _store("bench_sweep_ours") as url:
        begun = perf_counter()
        longest = max(_batches(_worker(url)))
        seconds = perf_counter() - begun
        manage(url, "check_ledgers")
        with psycopg.connect(url) as db:
            _check(db)
            return seconds, longest, rows_in(db, COUNTED)


def two_at_once(lots: int) -> str:
    """Two workers, killed half way and started again; answers in words what held."""
    with _store("bench_sweep_ours") as url:
        begun = perf_counter()
        workers = [_worker(url) for _ in range(2)]
        with psycopg.connect(url, autocommit=True) as db:
            while (killed_at := _row(db, _EXPIRED)[0]) < lots // 4:
                if None not in [worker.poll() for worker in workers]:
                    raise AssertionError("the workers were through before they could be killed")
                time.sleep(0.05)
        for worker in workers:
            worker.send_signal(signal.SIGKILL)
            worker.communicate()
        shares = [_batches(worker) for worker in [_worker(url) for _ in range(2)]]
        seconds = perf_counter() - begun
        manage(url, "check_ledgers")
        with psycopg.connect(url) as db:
            _check(db)
            accounts = _row(db, _EXPIRED)[0]
    return (
        f"two workers at once, killed at {killed_at:,} of {accounts:,} accounts and started "
        f"again: {seconds:.1f} s in all, {len(shares[0])} and {len(shares[1])} batches, the "
        f"longest {max(map(max, filter(None, shares))):.2f} s; each lot expired once, every "
        "account adds up"
    )


def _fill(url: str, lots: int) -> None:
    manage(url, "migrate", "--verbosity=0")
    manage(url, "create_program")
    with psycopg.connect(url, autocommit=True) as db, psycopg.ClientCursor(db) as cursor:
        cursor.execute(_FILL, {"accounts": lots // 2})
        cursor.execute("VACUUM ANALYZE")


@contextmanager
def _store(name: str) -> Iterator[str]:
    with database(name, like=TEMPLATE) as url:
        with psycopg.connect(url, autocommit=True) as db:
            db.execute("ANALYZE")
        yield url


def _worker(url: str) -> subprocess.Popen[str]:
    from rewards.actions.sweeping import LOTS as BATCH

    return subprocess.Popen(
        [sys.executable, "-m", "tests.concurrency.sweeper", str(BATCH)],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": url, "DEBUG": "true", "LOG_LEVEL": "ERROR"},
        stdout=subprocess.PIPE,
        text=True,
    )


def _batches(worker: subprocess.Popen[str]) -> list[float]:
    """The seconds of each of its batches, when it has come to its end."""
    out, _ = worker.communicate()
    if worker.returncode:
        raise AssertionError(f"a worker ended with {worker.returncode}")
    return [float(line.split()[2]) for line in out.splitlines()]


def _check(db: psycopg.Connection) -> None:
    if (wrong := _row(db, _WRONG)) != (0, 0, 0):
        raise AssertionError(f"left, expired twice, or of another balance: {wrong}")


def _row(db: psycopg.Connection, query: str) -> tuple[Any, ...]:
    return tuple(db.execute(query).fetchone() or ())


def _met(met: bool) -> str:
    return "met" if met else "MISSED"


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "loyalty_admin.settings")
    import django

    django.setup()
    main(int(sys.argv[1]) if len(sys.argv) > 1 else LOTS)
