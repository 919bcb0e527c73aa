"""Stamp cards: full ones give their reward, and a new one starts with the overflow."""

from __future__ import annotations

from datetime import datetime

from loyalty_admin.common.actor import Actor
from rewards.models import Account


def fill_cards(actor: Actor, account: Account, at: datetime) -> None:
    """Take the stamps of each full card off a locked account and give its reward."""
