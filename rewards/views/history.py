"""What the Points and the Stamps tab share: which program is shown, and its history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from loyalty_admin.common.errors import InvalidInput
from loyalty_admin.common.paging import AFTER, BEFORE, Page
from loyalty_admin.staff.permissions import Perm
from rewards.entry_words import shown_entries
from rewards.models import Entry, Program
from rewards.selectors.balances import Holding, history_page

FILTERS = (
    Entry.Kind.EARNED,
    Entry.Kind.SPENT,
    Entry.Kind.EXPIRED,
    Entry.Kind.ADJUSTED,
    Entry.Kind.REVERSED,
)

POINTS, STAMPS = "points", "stamps"
_TABS = {Program.Kind.POINTS: POINTS, Program.Kind.STAMPS: STAMPS}


@dataclass(frozen=True, slots=True)
class Choice:
    """A link among several: a program, a view of it, or a kind of entry."""

    label: str
    url: str
    current: bool


@dataclass(frozen=True, slots=True)
class Pager:
    """The neighbours of a page."""

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


@dataclass(frozen=True, slots=True)
class Place:
    """Where a program of a customer is shown: the tab, the program and what all links keep."""

    tab: str
    customer_id: int
    program_id: int
    kept: Mapping[str, str]

    def url(self, **parameters: str | None) -> str:
        """The tab with these parameters; nothing when one of them is None."""
        if None in parameters.values():
            return ""
        wanted = {"program": self.program_id, **self.kept, **parameters}
        query = urlencode({key: value for key, value in wanted.items() if value})
        return f"{reverse(f'rewards:{self.tab}', args=[self.customer_id])}?{query}"

    def pager(self, page: Page[Any], **parameters: str) -> Pager:
        """The neighbours of this page of it."""
        return Pager(
            newer_url=self.url(**parameters, **{BEFORE: page.newer}),
            older_url=self.url(**parameters, **{AFTER: page.older}),
        )


def elsewhere(request: HttpRequest, holdings: Sequence[Holding], tab: str) -> str:
    """Where the wanted program is shown, if that is under the other tab; else nothing.

    Whoever links to the history of a program need not know of which kind it is.
    """
    wanted = request.GET.get("program", "")
    holding = next((h for h in holdings if str(h.program.pk) == wanted), None)
    if holding is None or _tab_of(holding) == tab:
        return ""
    kept = {"show": "history"} if _tab_of(holding) == STAMPS else {}
    customer_id = request.resolver_match.kwargs["customer_id"]  # type: ignore[union-attr]
    return Place(_tab_of(holding), customer_id, holding.program.pk, kept).url()


def theirs(holdings: Sequence[Holding], tab: str) -> list[Holding]:
    """The holdings that stand under this tab."""
    return [holding for holding in holdings if _tab_of(holding) == tab]


def chosen(request: HttpRequest, holdings: Sequence[Holding]) -> Holding | None:
    """The holding in the program that the request asks for, or the first."""
    wanted = request.GET.get("program", "")
    first = next(iter(holdings), None)
    return next((h for h in holdings if str(h.program.pk) == wanted), first)


def programs_of(customer_id: int, holdings: Sequence[Holding], current: Holding) -> list[Choice]:
    """A link to each of these programs."""
    return [
        Choice(
            holding.program.name,
            Place(_tab_of(holding), customer_id, holding.program.pk, {}).url(),
            holding is current,
        )
        for holding in holdings
    ]


def history_of(request: HttpRequest, place: Place, holding: Holding) -> dict[str, Any]:
    """The context of a page of history: entries, filters, neighbours.

    Two queries; a third for stamps, which tells of the lines of each order.
    """
    kind = request.GET.get("kind", "")
    kind = kind if kind in FILTERS else ""
    choices = {"": _("All")} | {one.value: str(one.label) for one in FILTERS}
    filters = [
        Choice(label, place.url(kind=value), value == kind) for value, label in choices.items()
    ]
    damaged, stamps = "", place.tab == STAMPS
    page: Page[Entry] = Page(rows=[], newer=None, older=None)
    try:
        if holding.account_id:
            params = request.GET.dict()
            page = history_page(holding.account_id, kind=kind, params=params, with_lines=stamps)
    except InvalidInput as error:
        damaged = error.message
    actor = request.actor  # type: ignore[attr-defined]
    return {
        "entries": shown_entries(page.rows, holding.program, products=stamps),
        "filters": filters,
        "kind": kind,
        "damaged": damaged,
        "newest_url": place.url(kind=kind),
        "page": place.pager(page, kind=kind),
        "may_undo": actor.may(Perm.BALANCE_UNDO),
        "may_reinstate": actor.may(Perm.BALANCE_REINSTATE),
    }


def explain_url(customer_id: int, holding: Holding) -> str:
    """The dialog that explains this balance."""
    return f"{reverse('rewards:explain', args=[customer_id])}?program={holding.program.pk}"


def _tab_of(holding: Holding) -> str:
    return _TABS[Program.Kind(holding.program.kind)]
