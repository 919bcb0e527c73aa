"""Imports of files that a test writes into its own directory."""

from __future__ import annotations

import csv
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from tests.customers.order_csv import COLUMNS

HEADER = ",".join(COLUMNS)
ROW = "1001,2026-05-01 18:30:00,C-1,S-1,SKU-1,Coffee beans,GROCERY,1,12.50,0.10"


def run(path: Path | str, *options: str) -> str:
    """What the command says."""
    out = StringIO()
    call_command("import_orders", str(path), *options, stdout=out, stderr=StringIO())
    return out.getvalue()


def write(text: str | bytes, name: str = "orders.csv") -> Path:
    """A file with this content."""
    path = Path(name)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def rows(*lines: str) -> Path:
    """A file with these lines after the header."""
    return write("\n".join([HEADER, *lines]) + "\n")


def run_rejected(path: Path, *options: str) -> list[list[str]]:
    """Import a file with faults; the rows of the file that tells of them."""
    with pytest.raises(CommandError, match="left out") as caught:
        run(path, *options)
    assert caught.value.returncode == 2
    with Path("orders.csv.errors.csv").open(encoding="utf-8", newline="") as file:
        header, *faults = csv.reader(file)
    assert header == ["line", "order_number", "field", "message"]
    return faults
