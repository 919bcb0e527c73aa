"""From the lines of the file to rows for COPY: most of them untouched, the odd ones with care.

One record is one physical line, so that every row has a line number and one broken quote
can't swallow the rest of the file.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from typing import BinaryIO

from customers.order_import.opening import LONGEST_LINE, FileRefusedError, Header

BLOCK = 1 << 20  # bytes
# A block without these needs no look at its single values: quotes, backslashes, controls.
SPECIAL = bytes(sorted({*range(32), 127, *b'"\\'} - {10}))
PADDED = (b" ,", b", ", b" \n", b"\n ")
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


class Reader:
    """Reads the records after the header; faults go to `faults` as rows for COPY.

    A fault has: line, order number and store as far as they can be told, field, message.
    """

    def __init__(self, header: Header, faults: BinaryIO) -> None:
        self.header = header
        self.faults = faults
        self.line = 1  # the header's
        self.rows = 0
        self.fault_count = 0
        known = set(header.known)
        self._kept = [index for index, name in enumerate(header.names) if name in known]
        self._width = len(header.names)
        self._has_others = bool(header.ignored)

    def rows_for_copy(self, content: BinaryIO) -> Iterator[bytes]:
        """Blocks of rows in COPY's text format: the line number, then the known columns."""
        rest = b""
        while chunk := content.read(BLOCK):
            head, newline, tail = (rest + chunk).rpartition(b"\n")
            rest = tail
            if newline:
                yield self._block(head)
            elif len(rest) > LONGEST_LINE:
                raise FileRefusedError(
                    f"Line {self.line + 1:,} is longer than {LONGEST_LINE:,} bytes. "
                    "Lines have to end with a line feed."
                )
        if rest:
            yield self._block(rest)

    def _block(self, block: bytes) -> bytes:
        block = block.replace(b"\r\n", b"\n").removesuffix(b"\r")
        if self._is_plain(block):
            return self._plain_rows(block.replace(b",", b"\t"))
        rows = (self._row(line) for line in block.split(b"\n"))
        return b"".join(row for row in rows if row)

    def _is_plain(self, block: bytes) -> bool:
        return (
            block.isascii()
            and not self._has_others
            and len(block.translate(None, SPECIAL)) == len(block)
            and not any(padding in block for padding in PADDED)
            and not block.startswith(b" ")
            and not block.endswith(b" ")
        )

    def _plain_rows(self, block: bytes) -> bytes:
        """The fast way: the commas have become tabs already, which is all COPY asks for."""
        number, tabs, rows = self.line, self._width - 1, []
        for line in block.split(b"\n"):
            number += 1
            if line.count(b"\t") == tabs:
                rows.append(b"%d\t%b\n" % (number, line))
            elif line:
                message = self._wrong_width(line.count(b"\t") + 1)
                self._fault(number, line.replace(b"\t", b","), "", message)
        self.line = number
        self.rows += len(rows)
        return b"".join(rows)

    def _row(self, line: bytes) -> bytes:
        """The careful way, for one line: its row, or nothing and a fault."""
        self.line += 1
        if not line:
            return b""
        try:
            values = self._values(line)
        except ValueError as error:
            self._fault(self.line, line, "", str(error))
            return b""
        for index in self._kept:
            if CONTROL.search(values[index]):
                message = "holds control characters"
                self._fault(self.line, line, self.header.names[index], message)
                return b""
        self.rows += 1
        kept = (values[index].strip().translate(ESCAPES) for index in self._kept)
        return f"{self.line}\t{chr(9).join(kept)}\n".encode()

    def _values(self, line: bytes) -> list[str]:
        """The values of a line. Raises ValueError with a message for people."""
        try:
            text = line.decode()
        except UnicodeDecodeError as error:
            byte = line[error.start]
            raise ValueError(
                f"is not UTF-8: byte 0x{byte:02X} at position {error.start + 1}"
            ) from error
        values = text.split(",")
        if '"' in text:
            try:
                values = next(csv.reader([text], strict=True))
            except (csv.Error, StopIteration) as error:
                raise ValueError(
                    "has broken quotes; a record is one line, and a quote inside a quoted value "
                    "is written twice"
                ) from error
        if len(values) != self._width:
            raise ValueError(self._wrong_width(len(values)))
        return values

    def _wrong_width(self, found: int) -> str:
        return f"has {found} columns, the header {self._width}"

    def _fault(self, number: int, line: bytes, field: str, message: str) -> None:
        """Note what is wrong, with the order that the line seems to belong to."""
        self.fault_count += 1
        values = line.decode(errors="replace").split(",")
        names = self.header.names
        guess = {name: value.strip(' "') for name, value in zip(names, values, strict=False)}
        row = [str(number), guess.get("order_number", ""), guess.get("store", ""), field, message]
        text = "\t".join(CONTROL.sub("�", value).replace("\\", "\\\\") for value in row)
        self.faults.write(f"{text}\n".encode())
