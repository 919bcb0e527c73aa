"""Stamp cards: full ones give their reward, and a new one starts with the overflow."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db.models import F, Max
from django.utils import timezone

from loyalty_admin.common.actor import Actor
from rewards.actions.moving import take_from
from rewards.actions.posting import Posting, post
from rewards.actions.redemptions import give_reward
from rewards.actions.settling import settle
from rewards.models import Account, Entry, Lot, Operation, Program, Redemption

MOST = 100
"""So many cards are filled at once at most; what is left waits for the next stamp."""


def fill_cards(actor: Actor, account: Account, at: datetime) -> None:
    """Take the stamps of each full card off a locked account and give its reward.

    Does nothing for points, and where full cards have no reward of their own: there the
    customer spends them. Stamps are taken as any debit takes them, so what stays is the new
    card. A card that was cancelled leaves its stamps in the account; it is the next credit
    that fills a card with them, and cards count on.
    """
    program = account.program
    size = program.card_size
    if not size or not program.card_reward_id or account.balance < size:
        return
    # A credit does not look at the lots; what has expired meanwhile fills no card.
    lots = settle(account, timezone.now())
    position = _filled(account)
    for _ in range(min(account.balance // size, MOST)):
        position += 1
        _fill(actor, account, lots, position, at)


def fill_many(actor: Actor, account_ids: Sequence[int], at: datetime) -> None:
    """Fill the cards of those of these accounts that have a full one, in the order of their ids.

    Part of a batch: runs in its transaction, after its credits were written.
    """
    full = (
        Account.objects.filter(
            pk__in=account_ids,
            program__kind=Program.Kind.STAMPS,
            program__card_reward__isnull=False,
            balance__gte=F("program__card_size"),
        )
        .select_related("program__card_reward__offer", "customer")
        .select_for_update(of=("self",))
        .order_by("pk")
    )
    for account in full:
        fill_cards(actor, account, at)


def _fill(actor: Actor, account: Account, lots: Sequence[Lot], position: int, at: datetime) -> None:
    size, reward = account.program.card_size, account.program.card_reward
    if size is None or reward is None:
        raise ValueError(f"{account.program} gives no reward for a card.")
    key = f"card:{account.pk}:{position}"
    posting = Posting(
        actor=actor,
        customer_id=account.customer_id,
        kind=Operation.Kind.REDEEM,
        idempotency_key=key,
        occurred_at=at,
    )
    takes = take_from(lots, size)
    posting.add(account, Entry.Kind.SPENT, -size, takes=takes)
    operation = post(posting)
    for take in takes:
        take.lot.remaining -= take.amount
    give_reward(
        actor=actor,
        account=account,
        reward=reward,
        source=Redemption.Source.CARD,
        idempotency_key=key,
        at=at,
        operation=operation,
        position=position,
        units=size,
    )


def _filled(account: Account) -> int:
    """How many cards of this account have been filled, cancelled ones included."""
    last = Redemption.objects.filter(account=account).aggregate(last=Max("position"))["last"]
    return int(last or 0)
