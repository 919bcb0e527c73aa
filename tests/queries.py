"""Query counts against the reviewed baseline `tests/query_counts.json`.

    with assert_queries("customers: list"):
        client.get("/customers/")

A count that differs in either direction fails. When a change is meant, write the new baseline
with `UPDATE_QUERY_COUNTS=1 pytest -n 0 …` and let the diff be reviewed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import connection
from django.test.utils import CaptureQueriesContext

BASELINE = Path(__file__).with_name("query_counts.json")


@contextmanager
def assert_queries(name: str) -> Iterator[CaptureQueriesContext]:
    """Exactly as many queries as the baseline has under this name. Raises AssertionError."""
    with CaptureQueriesContext(connection) as captured:
        yield captured
    counts: dict[str, int] = json.loads(BASELINE.read_text()) if BASELINE.exists() else {}
    if os.environ.get("UPDATE_QUERY_COUNTS"):
        counts[name] = len(captured)
        BASELINE.write_text(json.dumps(dict(sorted(counts.items())), indent=2) + "\n")
    elif counts.get(name) != len(captured):
        listed = "\n".join(f"  {query['sql']}" for query in captured.captured_queries)
        expected = counts.get(name, "no entry")
        raise AssertionError(f"“{name}”: {len(captured)} queries, baseline {expected}:\n{listed}")
