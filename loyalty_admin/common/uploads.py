"""Uploads larger than the limit are refused while they arrive, and never kept anywhere."""

from __future__ import annotations

from typing import IO, Any

from django.conf import settings
from django.core.files.uploadhandler import FileUploadHandler, SkipFile
from django.http import HttpRequest

_MARK = "_upload_too_large"


class LimitedUploadHandler(FileUploadHandler):
    """Comes before the handlers that keep files; lets nothing larger than the limit reach them.

    What is left of the file is read and thrown away, so that the browser gets to see the
    answer: the form with a message, and with everything else that was typed.
    """

    def handle_raw_input(
        self,
        input_data: IO[bytes],
        META: dict[str, str],  # noqa: N803 - Django's name
        content_length: int,
        boundary: str,
        encoding: str | None = None,
    ) -> None:
        """Learn how large the whole request is."""
        self._announced = content_length
        self._received = 0

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Refuse a file before its first byte, when the request is too large for any."""
        super().new_file(*args, **kwargs)
        # The other fields need a few bytes, too.
        if self._announced > settings.UPLOAD_MAX_BYTES + 100_000:
            self._refuse()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        """Count what arrives and hand it on."""
        self._received += len(raw_data)
        if self._received > settings.UPLOAD_MAX_BYTES:
            self._refuse()
        return raw_data

    def file_complete(self, file_size: int) -> None:
        """The file is somebody else's to keep."""

    def _refuse(self) -> None:
        setattr(self.request, _MARK, True)
        raise SkipFile


def is_too_large(request: HttpRequest) -> bool:
    """Whether a file of this request was refused for its size."""
    request.FILES  # noqa: B018 - what came is read when it is first asked for
    return bool(getattr(request, _MARK, False))
