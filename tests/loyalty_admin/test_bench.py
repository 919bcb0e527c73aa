"""The bench runs and prints what it is for; how fast anything is, is never asserted."""

from __future__ import annotations

import os
import subprocess
import sys

from loyalty_admin.embedded import ROOT


def test_the_bench_measures_a_small_store() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench", "--sizes", "200", "--quick"],
        cwd=ROOT,
        env=os.environ | {"ORDERS_CSV": ""},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for what in ("list, first page", "search, absent term", "find, order number", "profile, 5,000"):
        assert what in done.stdout
    for floor in ("bare list", "bare query", "empty page", "minimal ORM", "1 statement"):
        assert floor in done.stdout
