"""What follows when units came into, or left, an account: full cards and new tiers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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


def follow_many(actor: Actor, account_ids: Sequence[int], at: datetime) -> None:
    """The same for many accounts, after they were written set-based, with their locks held."""
    from rewards.actions.cards import fill_many
    from rewards.actions.tiers import evaluate_many

    if account_ids:
        fill_many(actor, account_ids, at)
        evaluate_many(actor, account_ids, at)
