"""What a customer holds: the facts on their page, and the Points tab with its history."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from loyalty_admin.common.errors import InvalidInput
from loyalty_admin.common.paging import AFTER, BEFORE, Page
from loyalty_admin.common.profile import render_panel, render_part
from loyalty_admin.common.templatetags.ui import date_in_words, money, units
from loyalty_admin.staff.permissions import Perm, requires
from rewards.models import Entry, Program
from rewards.selectors.balances import Holding, history_page, holdings_of

TAB = "points"

FILTERS = (
    Entry.Kind.EARNED,
    Entry.Kind.SPENT,
    Entry.Kind.EXPIRED,
    Entry.Kind.ADJUSTED,
    Entry.Kind.REVERSED,
)


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact of the strip."""

    label: str
    value: str
    hint: str


@dataclass(frozen=True, slots=True)
class Choice:
    """A link among several: a program, or a kind of entry."""

    label: str
    url: str
    current: bool


@dataclass(frozen=True, slots=True)
class Pager:
    """The neighbours of a page of history."""

    newer_url: str
    older_url: str

    @property
    def has_newer(self) -> bool:
        """Whether there is a newer page."""
        return bool(self.newer_url)

    @property
    def has_older(self) -> bool:
        """Whether there is an older page."""
        return bool(self.older_url)


@requires(Perm.LEDGER_VIEW)
@require_safe
def facts(request: HttpRequest, customer_id: int) -> HttpResponse:
    """Each program's balance with what is pending and what expires next."""
    holdings = holdings_of(customer_id, time_zone=timezone.get_current_timezone_name())
    if len(holdings) == 1:
        # One balance leaves room for what will happen to it.
        shown = list(_facts_of(holdings[0]))
    else:
        shown = [Fact(h.program.name, units(h.balance), hint_of(h)) for h in holdings]
    return render_part(request, customer_id, "rewards/facts.html", {"facts": shown})


def _facts_of(holding: Holding) -> Iterator[Fact]:
    program = holding.program
    worth = money(program.unit_value * max(holding.balance, 0), program.currency)
    owed = _("%s owed") % units(holding.debt) if holding.debt else _("worth %s") % worth
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


def hint_of(holding: Holding) -> str:
    """What will happen to a balance by itself: `200 expire on 4 Dec 2026 · 90 pending`."""
    hints = []
    if holding.debt:
        hints.append(_("%s owed") % units(holding.debt))
    if holding.expiring and holding.expires_at:
        words = {"units": units(holding.expiring), "day": date_in_words(holding.expires_at)}
        hints.append(_("%(units)s expire on %(day)s") % words)
    if holding.pending:
        hints.append(_("%s pending") % units(holding.pending))
    return " · ".join(hints) or _("nothing pending, nothing about to expire")


@requires(Perm.LEDGER_VIEW)
@require_safe
def panel(request: HttpRequest, customer_id: int) -> HttpResponse:
    """The balance of one points program and every entry that made it."""
    zone = timezone.get_current_timezone_name()
    holdings = holdings_of(customer_id, time_zone=zone, kind=Program.Kind.POINTS)
    wanted = request.GET.get("program", "")
    holding = next((h for h in holdings if str(h.program.pk) == wanted), None)
    holding = holding or next(iter(holdings), None)
    may_undo = request.actor.may(Perm.BALANCE_UNDO)  # type: ignore[attr-defined]
    context: dict[str, Any] = {"holding": holding, "may_undo": may_undo}
    if holding:
        context |= _history(request, customer_id, holding)
        context |= {
            "hint": hint_of(holding),
            "programs": _programs(customer_id, holdings, holding),
            "explain_url": _url("rewards:explain", customer_id, program=holding.program.pk),
        }
    return render_panel(request, customer_id, TAB, "rewards/points.html", context)


def _history(request: HttpRequest, customer_id: int, holding: Holding) -> dict[str, Any]:
    kind = request.GET.get("kind", "")
    kind = kind if kind in FILTERS else ""
    choices = {"": _("All")} | {kind.value: str(kind.label) for kind in FILTERS}
    filters = [
        Choice(label, _panel_url(customer_id, holding, kind=value), value == kind)
        for value, label in choices.items()
    ]
    damaged = ""
    page: Page[Entry] = Page(rows=[], newer=None, older=None)
    try:
        if holding.account_id:
            page = history_page(holding.account_id, kind=kind, params=request.GET.dict())
    except InvalidInput as error:
        damaged = error.message
    return {
        "entries": page.rows,
        "filters": filters,
        "kind": kind,
        "damaged": damaged,
        "newest_url": _panel_url(customer_id, holding, kind=kind),
        "page": Pager(
            newer_url=_panel_url(customer_id, holding, kind=kind, **{BEFORE: page.newer}),
            older_url=_panel_url(customer_id, holding, kind=kind, **{AFTER: page.older}),
        ),
    }


def _programs(customer_id: int, holdings: list[Holding], current: Holding) -> list[Choice]:
    return [
        Choice(holding.program.name, _panel_url(customer_id, holding), holding is current)
        for holding in holdings
    ]


def _panel_url(customer_id: int, holding: Holding, **parameters: str | None) -> str:
    if None in parameters.values():
        return ""
    return _url("rewards:points", customer_id, program=holding.program.pk, **parameters)


def _url(name: str, customer_id: int, **parameters: str | int | None) -> str:
    query = urlencode({key: value for key, value in parameters.items() if value})
    return f"{reverse(name, args=[customer_id])}?{query}"
