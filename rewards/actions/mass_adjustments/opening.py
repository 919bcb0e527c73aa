"""The file as a whole: what it is, and whether it can be read, before any of it is stored."""

from __future__ import annotations

import codecs
import csv
import hashlib
from dataclasses import dataclass
from typing import BinaryIO

from django.conf import settings

from customers.order_import.opening import GZIP, LONGEST_LINE, NOT_CSV, UTF8_MARK
from loyalty_admin.common.errors import InvalidInput

COLUMNS = ("customer", "amount")
OPTIONAL = ("reason", "internal_note", "customer_comment", "expires_in_days")
UTF8, LATIN1 = "UTF-8", "Latin-1"
BLOCK = 1 << 20  # bytes
_COMPRESSED = {GZIP: "compressed by gzip. Unpack it"}


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file whose header has been read; `content` stands behind the header."""

    content: BinaryIO
    names: tuple[str, ...]
    delimiter: str
    encoding: str
    digest: str

    @property
    def ignored(self) -> list[str]:
        """The columns that no adjustment has."""
        return [name[:60] for name in self.names if name and name not in COLUMNS + OPTIONAL]


def open_file(content: BinaryIO, size: int) -> SourceFile:
    """Look at the file and read its header; reads it once to know its encoding and digest.

    Raises InvalidInput, naming the field `file`, for what is no CSV of adjustments.
    """
    if size > settings.UPLOAD_MAX_BYTES:
        raise _refused(too_large())
    _check_kind(content.read(8))
    content.seek(0)
    digest, encoding = _survey(content)
    content.seek(0)
    line = content.readline(LONGEST_LINE)
    if len(line) == LONGEST_LINE:
        raise _refused("The first line is too long. Lines have to end with a line feed.")
    names, delimiter = _header(line, encoding)
    return SourceFile(content, names, delimiter, encoding, digest)


def too_large() -> str:
    """What is said of a file larger than the limit."""
    most = settings.UPLOAD_MAX_BYTES / 1_000_000
    return f"The file is larger than {most:g} MB. Split it into several files."


def _check_kind(start: bytes) -> None:
    if not start:
        raise _refused("The file is empty. Begin with the template.")
    for magic, kind in (NOT_CSV | _COMPRESSED).items():
        if start.startswith(magic):
            raise _refused(f"The file is {kind}.")


def _survey(content: BinaryIO) -> tuple[str, str]:
    """The digest, and the encoding: UTF-8 when all of it is, else Latin-1."""
    digest, decoder, encoding = hashlib.sha256(), codecs.getincrementaldecoder("utf-8")(), UTF8
    while block := content.read(BLOCK):
        digest.update(block)
        if encoding == UTF8:
            try:
                decoder.decode(block)
            except UnicodeDecodeError:
                encoding = LATIN1
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        encoding = LATIN1
    return digest.hexdigest(), encoding


def _header(line: bytes, encoding: str) -> tuple[tuple[str, ...], str]:
    if b"\x00" in line:
        raise _refused("The file is not text, or text in UTF-16. Save it as CSV in UTF-8.")
    text = decoded(line.removeprefix(UTF8_MARK), encoding).strip("\r\n")
    delimiter = ";" if text.count(";") > text.count(",") else ","
    try:
        fields = next(csv.reader([text], delimiter=delimiter, strict=True), [])
    except csv.Error as error:
        raise _refused(f"The first line is no header: {error}.") from error
    names = tuple(name.strip().lower().replace(" ", "_").replace("-", "_") for name in fields)
    if missing := [name for name in COLUMNS if name not in names]:
        hint = " Columns are separated by commas or semicolons." if len(names) == 1 else ""
        raise _refused(
            f"The file lacks the column {_list(missing)}; its first line has {_list(names)}.{hint}"
            " Begin with the template."
        )
    if twice := [name for name in COLUMNS + OPTIONAL if names.count(name) > 1]:
        raise _refused(f"The file has the column {_list(twice)} more than once.")
    return names, delimiter


def decoded(line: bytes, encoding: str) -> str:
    """The line as text. Latin-1 is read as Windows writes it, euro sign and all."""
    if encoding == UTF8:
        return line.decode()
    try:
        return line.decode("cp1252")
    except UnicodeDecodeError:
        return line.decode("latin-1")


def _list(names: list[str] | tuple[str, ...]) -> str:
    return ", ".join(f"“{name[:60]}”" for name in names[:20])


def _refused(message: str) -> InvalidInput:
    return InvalidInput(message, field="file")
