"""Pictures to upload, made here and now, and a reward that has one."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from PIL import Image

from rewards.actions.rewards import RewardTerms, create_reward
from rewards.models import Program, Reward
from tests.factories import OfferFactory
from tests.rewards.ledger import SYSTEM


def a_picture(
    fmt: str = "PNG", size: tuple[int, int] = (60, 40), mode: str = "RGB", **saved: object
) -> bytes:
    """A picture of one colour as a file, half transparent where the mode has that."""
    made = BytesIO()
    colour: str | int = {"RGB": "teal", "RGBA": "#00808080"}.get(mode, 1)
    Image.new(mode, size, colour).save(made, fmt, **saved)
    return made.getvalue()


def a_pictured_reward(program: Program) -> dict[str, Any]:
    """A code with a picture in the catalogue: what the addresses of its pages ask for."""
    offer = OfferFactory(categories=["COFFEE"], minimum_spend=30)
    terms = RewardTerms(
        name="€5 off the next basket", kind=Reward.Kind.DISCOUNT_CODE, cost=500,
        description="For baskets from €30", offer_id=offer.pk, stock=80, per_customer=2,
    )  # fmt: skip
    reward = create_reward(actor=SYSTEM, program_id=program.pk, terms=terms, picture=a_picture())
    return {"offer_id": offer.pk, "reward_id": reward.pk, "digest": reward.picture.digest}
