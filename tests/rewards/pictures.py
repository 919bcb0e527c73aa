"""Pictures to upload, made here and now."""

from __future__ import annotations

from io import BytesIO

from PIL import Image


def a_picture(
    fmt: str = "PNG", size: tuple[int, int] = (60, 40), mode: str = "RGB", **saved: object
) -> bytes:
    """A picture of one colour as a file, half transparent where the mode has that."""
    made = BytesIO()
    colour: str | int = {"RGB": "teal", "RGBA": "#00808080"}.get(mode, 1)
    Image.new(mode, size, colour).save(made, fmt, **saved)
    return made.getvalue()
