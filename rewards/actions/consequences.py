"""What follows when units came into, or left, an account: full cards and new tiers."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from loyalty_admin.common.actor import Actor
from rewards.models import Account


def follow(actor: Actor, accounts: Iterable[Account], at: datetime) -> None:
    """Give full cards their reward, and put the customer on the step that is theirs now.

    Runs in the transaction of the act, after it was posted, with the accounts locked;
    `actor` is whose act brought it about.
    """
    # What follows moves units itself, by the very modules that call this one.
    from rewards.actions.cards import fill_cards
    from rewards.actions.tiers import evaluate

    for account in accounts:
        fill_cards(actor, account, at)
        evaluate(actor, account, at)
