"""The facts on a customer's page: what they hold in each program."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from customers.page import chips_of, customer_of
from loyalty_admin.common.profile import render_part
from loyalty_admin.common.templatetags.ui import date_in_words, money, units
from loyalty_admin.staff.permissions import Perm, requires
from rewards.selectors.balances import Holding, holdings_of
from rewards.selectors.cards import on_card
from rewards.selectors.tier_words import outlook
from rewards.selectors.tiers import Place, places_of

DOTS = 20
"""Cards with more stamps than this are told in numbers alone."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact of the strip: its arguments are those of `components/stat.html`."""

    label: str
    value: str
    hint: str
    of: str = ""
    stamps: Sequence[bool] = ()
    url: str = ""


@requires(Perm.LEDGER_VIEW)
@require_safe
def facts(request: HttpRequest, customer_id: int) -> HttpResponse:
    """Each program's balance or card with what is pending and what expires next; the tiers.

    Where there are tiers, the chips beside the name follow when the facts are loaded again.
    """
    holdings = holdings_of(customer_id, time_zone=timezone.get_current_timezone_name())
    if len(holdings) == 1:
        # One balance leaves room for what will happen to it.
        shown = list(_facts_of(holdings[0]))
    else:
        shown = [_fact(holding) for holding in holdings]
    places = places_of(customer_id, at=timezone.now())
    shown += [_tier(customer_id, place, several=len(places) > 1) for place in places]
    context: dict[str, Any] = {"facts": shown}
    if places and not getattr(request, "composing", False):
        context["chips"] = chips_of(customer_of(request, customer_id))
    return render_part(request, customer_id, "rewards/facts.html", context)


def _tier(customer_id: int, place: Place, *, several: bool) -> Fact:
    return Fact(
        label=_("Tier, %s") % place.program if several else _("Tier"),
        value=place.tier.name if place.tier else _("None yet"),
        hint=outlook(place),
        url=reverse("rewards:tier-history", args=[customer_id]),
    )


def _fact(holding: Holding) -> Fact:
    if holding.program.card_size:
        return _card(holding, hint_of(holding, quiet=""))
    return Fact(holding.program.name, units(holding.balance), hint_of(holding))


def _card(holding: Holding, hint: str) -> Fact:
    size = holding.program.card_size or 1
    there = on_card(holding.balance, size)
    full = (holding.balance - there) // size if holding.balance > 0 else 0
    more = _("%s full cards besides") % units(full) if full > 1 else _("a full card besides")
    return Fact(
        holding.program.name,
        units(there if holding.balance >= 0 else holding.balance),
        " · ".join(filter(None, (more if full else "", hint))),
        of=_("of %s") % units(size),
        stamps=[place < there for place in range(size)] if size <= DOTS else (),
    )


def _facts_of(holding: Holding) -> Iterator[Fact]:
    program = holding.program
    worth = money(program.unit_value * max(holding.balance, 0), program.currency)
    owed = _("%s owed") % units(holding.debt) if holding.debt else _("worth %s") % worth
    if program.card_size:
        yield _card(holding, owed if holding.debt else "")
    else:
        yield Fact(program.name, units(holding.balance), owed)
    if holding.pending and holding.available_at:
        begins = _("from %s on") % date_in_words(holding.available_at)
        yield Fact(_("Pending"), units(holding.pending), begins)
    else:
        yield Fact(_("Pending"), units(0), _("nothing to wait for"))
    if holding.expiring and holding.expires_at:
        ends = _("on %s") % date_in_words(holding.expires_at)
        yield Fact(_("Next to expire"), units(holding.expiring), ends)
    else:
        yield Fact(_("Next to expire"), "–", _("nothing is about to expire"))


def hint_of(holding: Holding, quiet: str | None = None) -> str:
    """What will happen to a balance by itself: `200 expire on 4 Dec 2026 · 90 pending`.

    `quiet` is said when nothing will.
    """
    hints = []
    if holding.debt:
        hints.append(_("%s owed") % units(holding.debt))
    if holding.expiring and holding.expires_at:
        words = {"units": units(holding.expiring), "day": date_in_words(holding.expires_at)}
        hints.append(_("%(units)s expire on %(day)s") % words)
    if holding.pending:
        hints.append(_("%s pending") % units(holding.pending))
    if not hints and quiet is None:
        return _("nothing pending, nothing about to expire")
    return " · ".join(hints)
