"""The rows of the file in temporary tables: gone with the session, whatever happens to it.

`import_line`   each record that could be read, as text, with its line number
`import_fault`  what is wrong, by line
`import_order`  one row for each order, typed, numbered in the order in which they are written
`import_ready`  the lines of the orders that are to be written
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable

from django.db import connection

from customers.order_import.opening import OrderFile
from customers.order_import.reading import Reader

_TABLES = """
CREATE TEMP TABLE import_line (
    line bigint NOT NULL,
    order_number text COLLATE "C" NOT NULL, placed_at text COLLATE "C" NOT NULL,
    customer_external_id text COLLATE "C" NOT NULL, store text COLLATE "C" NOT NULL,
    sku text NOT NULL, product text NOT NULL, category text NOT NULL,
    quantity text NOT NULL, line_total text NOT NULL, line_discount text NOT NULL,
    currency text COLLATE "C" NOT NULL DEFAULT '');
CREATE TEMP TABLE import_fault (
    line bigint NOT NULL, order_number text COLLATE "C" NOT NULL, store text COLLATE "C" NOT NULL,
    field text NOT NULL, message text NOT NULL);
"""
# Nothing is known yet of tables that have just been filled, and a planner that takes a thousand
# rows for one compares each row with each: nested loops made hours of minutes here.
_SESSION = """
SET enable_nestloop = off;
SET jit = off;
SET work_mem = '128MB';
SET client_connection_check_interval = '2s';
"""
_RESET = """
RESET enable_nestloop; RESET jit; RESET work_mem; RESET client_connection_check_interval
"""
TABLES = ("import_line", "import_fault", "import_order", "import_store", "import_ready")
BATCH_TABLES = ("import_batch", "import_batch_earning", "import_customer")


def prepare() -> None:
    """Make the session ready: its settings, and empty tables."""
    with connection.cursor() as cursor:
        cursor.execute(_SESSION)
    clear()
    with connection.cursor() as cursor:
        cursor.execute(_TABLES)


def clear() -> None:
    """Leave nothing in the session: no table of an import."""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {', '.join(TABLES + BATCH_TABLES)}")


def restore() -> None:
    """Give the session its own settings back."""
    with connection.cursor() as cursor:
        cursor.execute(_RESET)


def stage(file: OrderFile, watch: Iterable[None] | None = None) -> Reader:
    """COPY the file's records into `import_line`, and what can't be read into `import_fault`.

    `watch` is advanced after each block, for a progress bar.
    """
    steps = iter(watch or ())
    columns = ", ".join(["line", *file.header.known])
    with tempfile.TemporaryFile() as faults, connection.cursor() as cursor:
        reader = Reader(file.header, faults)
        with cursor.copy(f"COPY import_line ({columns}) FROM STDIN") as copy:
            for rows in reader.rows_for_copy(file.content):
                copy.write(rows)
                next(steps, None)
        faults.seek(0)
        with cursor.copy("COPY import_fault FROM STDIN") as copy:
            while block := faults.read(1 << 20):
                copy.write(block)
        cursor.execute("ANALYZE import_line")
    return reader
