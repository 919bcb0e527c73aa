"""Stamp cards as they are and as they were: which line of which order gave each stamp (RW-8)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, F, OuterRef, QuerySet, TextField
from django.db.models.functions import Cast, JSONObject

from customers.models import OrderLine, RefundLine
from loyalty_admin.common.paging import Page, keyset_page
from rewards.models import Allocation, Lot, Operation, Program, Redemption
from rewards.rules import line_shares

OPEN_LOTS = 200
"""So many lots that hold something are looked at, the newest of them: enough for what is shown."""
SHOWN = 10
"""Full cards on one page."""


@dataclass(frozen=True, slots=True)
class Stamps:
    """Stamps that came from one place: a lot and, where an order gave it, one of its lines."""

    count: int
    lot: Lot
    product: str

    @property
    def operation(self) -> Operation:
        """What gave them, with its order and store or its reason."""
        return self.lot.entry.operation


@dataclass(frozen=True, slots=True)
class Card:
    """A card with what gave each of its stamps; `redemption` is what it gave when it was full."""

    size: int
    stamps: Sequence[Stamps]
    redemption: Redemption | None = None

    @property
    def filled(self) -> int:
        """How many stamps are on it."""
        return sum(group.count for group in self.stamps)

    @property
    def missing(self) -> int:
        """How many more it takes."""
        return self.size - self.filled


@dataclass(frozen=True, slots=True)
class Cards:
    """The cards of an account: the current one, full ones in hand, and those that were filled.

    `in_hand` are full cards whose stamps are in the account still, the newest first; there may
    be more than are shown. `coming` is pending.
    """

    current: Card
    in_hand: Sequence[Card]
    coming: Sequence[Stamps]
    filled: Page[Redemption]
    past: Sequence[Card]


def on_card(balance: int, size: int) -> int:
    """How many stamps of a balance are on the current card: a full one in hand is shown full."""
    return (balance - 1) % size + 1 if balance > 0 else 0


def cards_of(
    account_id: int, balance: int, program: Program, *, params: Mapping[str, str]
) -> Cards:
    """The cards of an account in a stamps program with a card size. Two queries.

    `params` choose the page of filled cards. Raises InvalidInput for a damaged cursor.
    """
    size = program.card_size or 1
    page = keyset_page(_filled(account_id), by="position", params=params, size=SHOWN)
    lots = _lots(account_id, [card.operation_id for card in page.rows])
    contents = {lot.pk: _Contents(lot, program) for lot in lots}
    there = [lot for lot in lots if lot.remaining and not lot.is_pending]
    stamps = [group for lot in there for group in contents[lot.pk].left()]
    coming = [group for lot in lots if lot.is_pending for group in contents[lot.pk].left()]
    current, *in_hand = _cut(stamps, on_card(balance, size), size)
    past = [
        Card(size=card.units, stamps=_taken(lots, contents, card.operation_id), redemption=card)
        for card in page.rows
    ]
    return Cards(current, in_hand, coming, page, past)


def _filled(account_id: int) -> QuerySet[Redemption]:
    cards = Redemption.objects.filter(account_id=account_id, position__isnull=False)
    return cards.select_related("reward", "code")


def _lots(account_id: int, operations: Sequence[int | None]) -> list[Lot]:
    """What the account holds, and what these operations took from, in the order of spending.

    Each lot carries `lines` of its order and its `moves`, the oldest first, as plain values.
    """
    newest = (F("expires_at").desc(nulls_first=True), F("pk").desc())
    held = Lot.objects.filter(account_id=account_id, remaining__gt=0).order_by(*newest)
    spent = Lot.objects.filter(allocations__entry__operation__in=operations)
    ids = held.values("pk")[:OPEN_LOTS].union(spent.values("pk"))
    lots = (
        Lot.objects.filter(pk__in=ids)
        .select_related("entry__rule_version", "entry__operation__order__store")
        .select_related("entry__operation__reason")
        .annotate(lines=ArraySubquery(_lines()), moves=ArraySubquery(_moves()))
    )
    return sorted(lots, key=Lot.spending_order)


def _lines() -> Any:
    lines = OrderLine.objects.filter(order=OuterRef("entry__operation__order"))
    refunds = RefundLine.objects.filter(line=OuterRef("pk"))
    return lines.order_by("position").values(
        told=JSONObject(
            sku="sku",
            product="product",
            category="category",
            quantity=Cast("quantity", TextField()),
            total=Cast("total", TextField()),
            refunded=Exists(refunds),
        )
    )


def _moves() -> Any:
    moves = Allocation.objects.filter(lot=OuterRef("pk")).order_by("pk")
    return moves.values(
        told=JSONObject(
            amount="amount",
            operation="entry__operation",
            reverses="entry__operation__reverses",
            kind="entry__operation__kind",
        )
    )


class _Contents:
    """The units of a lot by the lines that brought them, as its moves leave them.

    A debit takes those of the first lines first, a refund those of the lines that were
    refunded, and what is given back is what the reversed operation had taken.
    """

    def __init__(self, lot: Lot, program: Program) -> None:
        self.lot = lot
        lines: list[dict[str, Any]] = lot.lines  # type: ignore[attr-defined]
        shares = _shares(lot, lines, program)
        self.products = [line["product"] or line["sku"] for line in lines] + [""]
        self.refunded = [index for index, line in enumerate(lines) if line["refunded"]]
        self.there = [*shares, lot.granted - sum(shares)]
        self.taken: dict[int, list[int]] = {}
        for move in lot.moves:  # type: ignore[attr-defined]
            self._follow(move)

    def left(self) -> list[Stamps]:
        """What is left of it."""
        return self._grouped(self.there)

    def taken_by(self, operation_id: int | None) -> list[Stamps]:
        """What an operation took from it."""
        return self._grouped(self.taken.get(operation_id or 0, []))

    def _follow(self, move: Mapping[str, Any]) -> None:
        nothing = [0] * len(self.there)
        if move["amount"] > 0:
            taken = self.taken.setdefault(move["operation"], nothing)
            refund = move["kind"] == Operation.Kind.REFUND
            _shift(self.there, taken, move["amount"], self.refunded if refund else [])
        else:
            # What a lot gets back it gave before; where nobody says to whom, it was the last.
            last = next(reversed(self.taken.values()), nothing)
            source = self.taken.get(move["reverses"] or 0, last)
            _shift([*source], self.there, -move["amount"], [])

    def _grouped(self, counts: Sequence[int]) -> list[Stamps]:
        pairs = zip(counts, self.products, strict=False)
        return [Stamps(count, self.lot, product) for count, product in pairs if count]


def _shares(lot: Lot, lines: Sequence[Mapping[str, Any]], program: Program) -> list[int]:
    version = lot.entry.rule_version
    if version is None or not lines:
        return [0] * len(lines)
    sold = [
        OrderLine(
            sku=line["sku"],
            category=line["category"],
            quantity=Decimal(line["quantity"]),
            total=Decimal(line["total"]),
        )
        for line in lines
    ]
    return line_shares(version, program, sold, lot.granted, multiplier=lot.entry.multiplier)


def _shift(source: list[int], target: list[int], amount: int, first: Iterable[int]) -> None:
    """Move so many units from one to the other, of these places first, then in their order."""
    for index in [*first, *range(len(source))]:
        part = min(source[index], amount)
        source[index] -= part
        target[index] += part
        amount -= part


def _taken(
    lots: Iterable[Lot], contents: Mapping[int, _Contents], operation_id: int | None
) -> list[Stamps]:
    return [group for lot in lots for group in contents[lot.pk].taken_by(operation_id)]


def _cut(stamps: Sequence[Stamps], on_current: int, size: int) -> list[Card]:
    """The current card with the newest stamps, then the full ones, the newest first.

    Debits take from the front, so the oldest stamps are those of the card that was full first.
    """
    backwards = iter(reversed(stamps))
    cards: list[Card] = []
    rest, wanted = None, on_current
    for _ in range(SHOWN):
        groups, left = [], wanted
        while left and (group := rest or next(backwards, None)):
            part = min(group.count, left)
            groups.append(Stamps(part, group.lot, group.product))
            rest = Stamps(group.count - part, group.lot, group.product)
            rest = rest if rest.count else None
            left -= part
        if left and cards:
            break
        cards.append(Card(size=size, stamps=groups[::-1]))
        wanted = size
    return cards
