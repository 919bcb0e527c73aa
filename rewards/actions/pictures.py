"""Pictures of rewards: whatever was uploaded is decoded and made anew, small and harmless."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from io import BytesIO

from PIL import Image, ImageOps, UnidentifiedImageError

from loyalty_admin.common.errors import InvalidInput
from rewards.models import Reward, RewardPicture

FORMATS = ("PNG", "JPEG", "WEBP")
MAX_BYTES = 1024 * 1024
MAX_PIXELS = 16_000_000
"""More would take more memory to decode than a web process should give to one upload."""
SIDE = 640
"""Pixels of the longer side, at most: sharp in a list on any screen."""
QUALITY = 82
CONTENT_TYPE = "image/webp"
TOO_MANY_PIXELS = "The picture has more than 16 million pixels. Make it smaller."
DAMAGED = (OSError, ValueError, SyntaxError, EOFError, struct.error)
"""What the decoders raise for files that are cut off or tampered with."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as it is stored."""

    content: bytes
    digest: str


def picture_from(upload: bytes) -> Picture:
    """The picture in an uploaded file, without what else was in there (place, camera, tricks).

    Raises InvalidInput, of the field `picture`, for anything but a PNG, JPEG or WebP of at
    most 1 MB and 16 million pixels.
    """
    if len(upload) > MAX_BYTES:
        raise _wrong("The file is larger than 1 MB. Make the picture smaller.")
    try:
        with Image.open(BytesIO(upload), formats=FORMATS) as opened:
            if opened.width * opened.height > MAX_PIXELS:
                raise _wrong(TOO_MANY_PIXELS)
            content = _made_anew(opened)
    except UnidentifiedImageError as error:
        raise _wrong("This is no PNG, JPEG or WebP picture.") from error
    except Image.DecompressionBombError as error:
        raise _wrong(TOO_MANY_PIXELS) from error
    except DAMAGED as error:
        raise _wrong("The picture is damaged. Save it again and choose the new file.") from error
    return Picture(content, hashlib.sha256(content).hexdigest())


def hang_picture(reward: Reward, picture: Picture) -> None:
    """Give a locked reward this picture, in place of the one it has."""
    values = {
        "content_type": CONTENT_TYPE,
        "content": picture.content,
        "digest": picture.digest,
    }
    RewardPicture.objects.update_or_create(reward=reward, defaults=values)


def digest_of(reward: Reward) -> str:
    """The digest of the reward's picture; "" when it has none."""
    found = RewardPicture.objects.filter(reward=reward).values_list("digest", flat=True)
    return found.first() or ""


def _made_anew(opened: Image.Image) -> bytes:
    turned = ImageOps.exif_transpose(opened)
    has_alpha = turned.has_transparency_data
    plain = turned.convert("RGBA" if has_alpha else "RGB")
    plain.thumbnail((SIDE, SIDE))
    made = BytesIO()
    plain.save(made, "WEBP", quality=QUALITY)
    return made.getvalue()


def _wrong(sentence: str) -> InvalidInput:
    return InvalidInput(sentence, field="picture")
