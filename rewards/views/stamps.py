"""The Stamps tab: the card with what gave each stamp, the full ones, and the history."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from loyalty_admin.common.errors import InvalidInput
from loyalty_admin.common.profile import render_panel
from loyalty_admin.common.templatetags.ui import date_in_words, units
from loyalty_admin.staff.permissions import Perm, requires
from rewards.entry_words import origin_of
from rewards.models import Redemption
from rewards.selectors.balances import Holding, holdings_of
from rewards.selectors.cards import Card, Cards, Stamps, cards_of, on_card
from rewards.views.facts import hint_of
from rewards.views.history import (
    STAMPS,
    Choice,
    Place,
    chosen,
    elsewhere,
    explain_url,
    history_of,
    programs_of,
    theirs,
)

HISTORY = "history"
DOTS = 60
"""Cards with more stamps than this are told in numbers alone."""

TONES = {
    Redemption.Status.OUTSTANDING: "ok",
    Redemption.Status.CANCELLED: "warn",
    Redemption.Status.EXPIRED: "bad",
}


@dataclass(frozen=True, slots=True)
class Row:
    """Stamps with what gave them, in words; `url` leads to the order, if one did."""

    stamps: Stamps
    count: str
    origin: str
    url: str

    @property
    def told(self) -> str:
        """The same with the day, for one dot."""
        return f"{self.origin}, {date_in_words(self.stamps.lot.entry.occurred_at)}"


@dataclass(frozen=True, slots=True)
class ShownCard:
    """A card as it is drawn: what gave each stamp, and nothing for each empty place."""

    card: Card
    count: str
    dots: list[str]
    rows: list[Row]
    tone: str = ""


@requires(Perm.LEDGER_VIEW)
@require_safe
def panel(request: HttpRequest, customer_id: int) -> HttpResponse:
    """One stamps program: its cards, or every entry that made its balance."""
    everything = holdings_of(customer_id, time_zone=timezone.get_current_timezone_name())
    if url := elsewhere(request, everything, STAMPS):
        return redirect(url)
    holdings = theirs(everything, STAMPS)
    holding = chosen(request, holdings)
    context: dict[str, Any] = {"holding": holding}
    if holding:
        in_history = request.GET.get("show") == HISTORY
        place = Place(STAMPS, customer_id, holding.program.pk, {})
        history = Place(STAMPS, customer_id, holding.program.pk, {"show": HISTORY})
        more = history_of(request, history, holding) if in_history else {}
        context |= more or _cards(request, place, holding)
        context |= {
            "in_history": in_history,
            "hint": hint_of(holding, quiet=""),
            "programs": programs_of(customer_id, holdings, holding),
            "views": [
                Choice(_("Cards"), place.url(), not in_history),
                Choice(_("History"), history.url(), in_history),
            ],
            "explain_url": explain_url(customer_id, holding),
        }
    return render_panel(request, customer_id, STAMPS, "rewards/stamps.html", context)


def _cards(request: HttpRequest, place: Place, holding: Holding) -> dict[str, Any]:
    program, size = holding.program, holding.program.card_size or 1
    context = {"newest_url": place.url()}
    try:
        params = request.GET.dict()
        cards = cards_of(holding.account_id, holding.balance, program, params=params)
    except InvalidInput as error:
        return context | {"damaged": error.message}
    full = (holding.balance - on_card(holding.balance, size)) // size if holding.balance > 0 else 0
    return context | {
        "current": _shown(cards.current, holding),
        "summary": _summary(holding, cards),
        "in_hand": [_shown(card, holding) for card in cards.in_hand],
        "more_in_hand": max(full - len(cards.in_hand), 0),
        "coming": [_row(group, holding) for group in cards.coming],
        "past": [_shown(card, holding) for card in cards.past],
        "page": place.pager(cards.filled),
    }


def _summary(holding: Holding, cards: Cards) -> str:
    """What the next stamps bring."""
    program, missing = holding.program, cards.current.missing
    reward = program.card_reward
    if holding.debt:
        return _("The next %s make up for what is missing.") % program.units(holding.debt)
    if missing and reward:
        return _("%(stamps)s more for %(reward)s") % {
            "stamps": program.units(missing),
            "reward": reward.name,
        }
    if missing:
        return _("%s more and the card is full") % program.units(missing)
    if reward:
        return _("Full: with the next stamp it gives %s") % reward.name
    return _("Full: it can be spent on a reward")


def _shown(card: Card, holding: Holding) -> ShownCard:
    rows = [_row(group, holding) for group in card.stamps]
    dots = [row.told for row in rows for _stamp in range(min(row.stamps.count, DOTS + 1))]
    dots += [""] * min(card.missing, DOTS + 1)
    return ShownCard(
        card=card,
        count=units(card.filled),
        dots=dots if card.size <= DOTS else [],
        rows=rows,
        tone=TONES.get(Redemption.Status(card.redemption.status), "") if card.redemption else "",
    )


def _row(stamps: Stamps, holding: Holding) -> Row:
    order = stamps.operation.order
    url = reverse("customers:order", args=[order.pk]) if order else ""
    return Row(
        stamps=stamps,
        count=holding.program.units(stamps.count),
        origin=origin_of(stamps.lot.entry, stamps.product),
        url=url,
    )
