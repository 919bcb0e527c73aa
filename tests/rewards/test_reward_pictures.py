"""Pictures of rewards: what is taken, what is refused, and what is kept of it."""

from __future__ import annotations

import zlib
from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from activity.models import AuditRecord
from loyalty_admin.common.errors import InvalidInput
from rewards.actions.pictures import MAX_BYTES, SIDE, picture_from
from rewards.actions.rewards import RewardTerms, change_reward, create_reward
from rewards.models import Program, Reward, RewardPicture
from tests.factories import ProgramFactory
from tests.rewards.ledger import SYSTEM
from tests.rewards.pictures import a_picture

pytestmark = pytest.mark.django_db

COFFEE = RewardTerms(name="Free coffee", kind=Reward.Kind.PRODUCT, cost=500)


@pytest.fixture
def program() -> Program:
    """A points program."""
    made: Program = ProgramFactory()
    return made


def create(program: Program, picture: bytes) -> Reward:
    return create_reward(actor=SYSTEM, program_id=program.pk, terms=COFFEE, picture=picture)


def change(reward: Reward, **fields: Any) -> Reward:
    return change_reward(actor=SYSTEM, reward_id=reward.pk, terms=COFFEE, **fields)


@pytest.mark.parametrize("fmt", ["PNG", "JPEG", "WEBP"])
def test_a_picture_is_made_anew_small_and_bare(fmt: str) -> None:
    exif = Image.Exif()
    exif[0x010E] = "where I live"
    made = picture_from(a_picture(fmt, (2000, 1000), exif=exif))
    with Image.open(BytesIO(made.content)) as opened:
        assert (opened.format, opened.size) == ("WEBP", (SIDE, SIDE // 2))
    assert b"where I live" not in made.content


def test_a_picture_keeps_what_is_transparent_and_stands_upright() -> None:
    with Image.open(BytesIO(picture_from(a_picture(mode="RGBA")).content)) as opened:
        assert opened.mode == "RGBA"
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    with Image.open(BytesIO(picture_from(a_picture("JPEG", exif=exif)).content)) as opened:
        assert opened.size == (40, 60)


def _bomb() -> bytes:
    """A small file that says it is 30,000 by 30,000 pixels."""
    png = bytearray(a_picture())
    head = png[12:16] + (30_000).to_bytes(4, "big") * 2 + png[24:29]
    png[12:29] = head
    png[29:33] = zlib.crc32(head).to_bytes(4, "big")
    return bytes(png)


@pytest.mark.parametrize(
    ("upload", "said"),
    [
        (b"MZ\x90", "no PNG, JPEG or WebP"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>", "no PNG, JPEG"),
        (a_picture("GIF", mode="P"), "no PNG, JPEG or WebP"),
        (a_picture(size=(600, 600))[:300], "damaged"),
        (b"x" * (MAX_BYTES + 1), "larger than 1 MB"),
        (a_picture(size=(4001, 4000), mode="1"), "16 million pixels"),
        (_bomb(), "16 million pixels"),
    ],
    ids=["program", "svg", "gif", "cut off", "too large", "many pixels", "bomb"],
)
def test_ev_1_what_is_no_picture_is_refused(program: Program, upload: bytes, said: str) -> None:
    with pytest.raises(InvalidInput, match=said) as caught:
        create(program, picture=upload)
    assert caught.value.field == "picture"
    assert not Reward.objects.exists()


def test_a_picture_is_hung_exchanged_and_taken_away(program: Program) -> None:
    reward = create(program, picture=a_picture())
    first = RewardPicture.objects.get(reward=reward).digest
    change(reward, picture=a_picture())  # the same again is no change
    assert not AuditRecord.objects.filter(verb="reward.changed").exists()
    change(reward, picture=a_picture(size=(30, 30)))
    assert RewardPicture.objects.get(reward=reward).digest != first
    change(reward, remove_picture=True)
    assert not RewardPicture.objects.exists()
    changes = AuditRecord.objects.filter(verb="reward.changed").order_by("pk")
    said = [(record.before or {}, record.after or {}) for record in changes]
    assert [(before["picture"], after["picture"]) for before, after in said] == [
        (first[:8], said[0][1]["picture"]),
        (said[0][1]["picture"], ""),
    ]
