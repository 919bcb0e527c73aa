"""The file of an import: opened whatever its name says, refused before anything is read in vain."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

COLUMNS = (
    "order_number", "placed_at", "customer_external_id", "store", "sku", "product", "category",
    "quantity", "line_total", "line_discount",
)  # fmt: skip
OPTIONAL = ("currency",)
LONGEST_LINE = 1_000_000  # bytes

GZIP = b"\x1f\x8b"
UTF8_MARK = b"\xef\xbb\xbf"
# What is often sent under the name of a CSV file, by its first bytes.
NOT_CSV = {
    b"PK\x03\x04": "a zip archive or a spreadsheet. Unpack it, or save it as CSV",
    b"\xd0\xcf\x11\xe0": "an old spreadsheet. Save it as CSV in UTF-8",
    b"BZh": "compressed by bzip2. Unpack it, or compress it by gzip",
    b"\xfd7zXZ": "compressed by xz. Unpack it, or compress it by gzip",
    b"\x28\xb5\x2f\xfd": "compressed by zstd. Unpack it, or compress it by gzip",
    b"\xff\xfe": "text in UTF-16. Save it as CSV in UTF-8",
    b"\xfe\xff": "text in UTF-16. Save it as CSV in UTF-8",
    b"%PDF": "a PDF document. The import reads CSV",
}


class FileRefusedError(Exception):
    """The file as a whole can't be imported; the message says why and what would be right."""


@dataclass(frozen=True, slots=True)
class Header:
    """The columns in the order of the file; `ignored` are those that no order has."""

    names: tuple[str, ...]

    @property
    def known(self) -> list[str]:
        """The columns that are imported, in the order of the file."""
        return [name for name in self.names if name in COLUMNS + OPTIONAL]

    @property
    def ignored(self) -> list[str]:
        """The columns that are not."""
        return [name for name in self.names if name not in COLUMNS + OPTIONAL]


@dataclass(slots=True)
class OrderFile:
    """An open file, its header read. `raw` is the file on the disk, to tell how far we are."""

    content: BinaryIO
    raw: BinaryIO
    header: Header
    size: int


@contextmanager
def open_orders(path: Path) -> Iterator[OrderFile]:
    """The file, plain or gzip. Raises FileRefusedError, also for damage found while reading."""
    try:
        with path.open("rb") as raw:
            start = raw.read(8)
            raw.seek(0)
            _check_kind(start)
            is_gzip = start.startswith(GZIP)
            content = cast(BinaryIO, gzip.GzipFile(fileobj=raw) if is_gzip else raw)
            header = read_header(content.readline(LONGEST_LINE))
            yield OrderFile(content, raw, header, path.stat().st_size)
    except (EOFError, gzip.BadGzipFile) as error:
        raise FileRefusedError(f"The file is damaged: {error}.") from error
    except OSError as error:
        raise FileRefusedError(f"{path} can't be read: {error.strerror or error}.") from error


def _check_kind(start: bytes) -> None:
    if not start:
        raise FileRefusedError("The file is empty.")
    for magic, kind in NOT_CSV.items():
        if start.startswith(magic):
            raise FileRefusedError(f"The file is {kind}.")


def read_header(line: bytes) -> Header:
    """The header in the first line. Raises FileRefusedError when it lacks a column."""
    for magic, kind in NOT_CSV.items():  # what was in the gzip file
        if line.startswith(magic):
            raise FileRefusedError(f"The file holds {kind}.")
    try:
        text = line.removeprefix(UTF8_MARK).decode()
        names = tuple(name.strip().lower() for name in next(csv.reader([text], strict=True)))
    except (UnicodeDecodeError, csv.Error, StopIteration) as error:
        raise FileRefusedError(f"The first line is no header in UTF-8: {error}.") from error
    if missing := [name for name in COLUMNS if name not in names]:
        hint = " Columns are separated by commas." if len(names) == 1 else ""
        raise FileRefusedError(
            f"The file lacks {_list(missing)}; its columns are {_list(names)}.{hint}"
        )
    if twice := [name for name in COLUMNS + OPTIONAL if names.count(name) > 1]:
        raise FileRefusedError(f"The file has {_list(twice)} more than once.")
    return Header(names)


def _list(names: list[str] | tuple[str, ...]) -> str:
    return ", ".join(f"“{name[:60]}”" for name in names[:20])
