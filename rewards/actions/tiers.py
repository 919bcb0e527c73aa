"""Who stands on which step of a program's ladder."""

from __future__ import annotations

from datetime import datetime

from loyalty_admin.common.actor import Actor
from rewards.models import Account


def evaluate(actor: Actor, account: Account, at: datetime) -> None:
    """Put the customer of a locked account on the step that is theirs at that time."""
