"""Speed beside its floors: `make bench`, and `make bench MILLION=1` for the largest store.

Every size has a database of its own and is measured by a process of its own, with the settings
of production. Ratios count, because what slows the machine slows the floors as well; they are
printed against their goals and never asserted.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

SIZES = [10_000, 100_000]
MILLION = 1_000_000


def main() -> None:
    """Measure every store and print its table, then how the stores compare."""
    options = _options()
    from loyalty_admin import embedded
    from tests.bench.report import Line, growth, table

    server = os.environ.get("DATABASE_URL") or embedded.ensure_postgres()
    redis = os.environ.get("REDIS_URL") or embedded.ensure_valkey()
    measured: dict[int, list[Line]] = {}
    for size in options.sizes + [MILLION] * options.million:
        print(f"\n{size:,} customers, beside a load of {os.getloadavg()[0]:.1f}\n", flush=True)
        measured[size] = [Line(**line) for line in _one(server, redis, size, options.quick)]
        print(f"{table(measured[size])}\n", flush=True)
    if os.getloadavg()[0] > 1.5 * (os.cpu_count() or 1):
        print("The machine is busy: take limits in milliseconds with care, ratios as they are.")
    if len(measured) > 1:
        print(f"From store to store\n\n{growth(measured)}\n", flush=True)
    if not options.quick:
        command = [sys.executable, "-m", "tests.bench.bench_mass"]
        subprocess.run(command, env=_environment(server, redis), check=True)
        lots = MILLION if options.million else SIZES[-1]
        command = [sys.executable, "-m", "tests.bench.bench_sweep", str(lots)]
        subprocess.run(command, env=_environment(server, redis), check=True)
    if options.orders:
        environment = _environment(server, redis)
        command = [sys.executable, "-m", "tests.bench.bench_import", str(options.orders)]
        subprocess.run(command, env=environment, check=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=str(__doc__).split("\n", 1)[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="numbers of customers")
    parser.add_argument("--million", action="store_true", help="a million customers as well")
    parser.add_argument("--quick", action="store_true", help="few calls: shows that it runs")
    parser.add_argument(
        "--orders",
        type=Path,
        default=os.environ.get("ORDERS_CSV") or None,
        help="measure the import of these order lines (CSV, plain or gzip) as well",
    )
    return parser.parse_args()


def _one(server: str, redis: str, size: int, quick: bool) -> list[dict[str, Any]]:
    from tests.bench.stores import address_of

    environment = _environment(address_of(server, size), redis) | {
        "BENCH_SERVER": server,
        "CACHE_KEY_PREFIX": f"bench-{size}",
    }
    with tempfile.TemporaryDirectory() as directory:
        results = Path(directory) / "lines.json"
        command = [sys.executable, "-m", "tests.bench.one_store", str(size), str(results)]
        subprocess.run(command + ["--quick"] * quick, env=environment, check=True)
        lines: list[dict[str, Any]] = json.loads(results.read_text())
        return lines


def _environment(database: str, redis: str) -> dict[str, str]:
    """What production would be told."""
    return os.environ | {
        "DEBUG": "false",
        "SECRET_KEY": "only-for-the-bench",
        "ALLOWED_HOSTS": "127.0.0.1,localhost",
        "SECURE_SSL_REDIRECT": "false",
        "DATABASE_URL": database,
        "REDIS_URL": redis,
    }


if __name__ == "__main__":
    main()
