"""The timeline: a panel of the customer's page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from activity.forms import NoteForm
from activity.line_types import note_line
from activity.models import Event, Note
from activity.selectors import check_customer, pinned_notes, timeline_page
from activity.timeline import GROUP_LABELS, Group, ShownLine, as_json, groups, lines_for, shown
from loyalty_admin.common.actor import Actor
from loyalty_admin.common.errors import InvalidInput, NotFound
from loyalty_admin.common.htmx import is_fragment
from loyalty_admin.common.paging import AFTER, Page, decode_cursor
from loyalty_admin.common.profile import render_panel
from loyalty_admin.staff.permissions import Perm, requires

TAB = "activity"
PANEL = "activity/timeline.html"
PARTS = ("timeline", "lines")
"""What htmx may ask for alone: everything under the note form, or the next lines."""


@dataclass(frozen=True, slots=True)
class Day:
    """The lines of one day, in the store's time zone; `continued` from the page before."""

    date: date
    lines: list[ShownLine]
    continued: bool


@requires(Perm.CUSTOMERS_VIEW)
@require_safe
def timeline(request: HttpRequest, customer_id: int) -> HttpResponse:
    """What happened to a customer, newest first, with the notes and a form for new ones."""
    part = request.GET.get("part", "")
    if is_fragment(request) and part in PARTS:
        context = _context(request, customer_id)
        if not context.get("days"):
            _check_customer(customer_id)
        return render(request, f"{PANEL}#{part}", context, status=context["status"])
    return show_timeline(request, customer_id, NoteForm())


def show_timeline(
    request: HttpRequest, customer_id: int, form: NoteForm, status: int = 200
) -> HttpResponse:
    """The whole panel with this note form, on the customer's page unless htmx asks."""
    add_url = reverse("activity:note-add", args=[customer_id])
    context = {"form": form, "note_add_url": add_url, **_context(request, customer_id)}
    response = render_panel(request, customer_id, TAB, PANEL, context)
    if response.status_code == 200:
        response.status_code = max(status, context["status"])
    return response


@requires(Perm.CUSTOMERS_VIEW)
@require_safe
def event_json(request: HttpRequest, customer_id: int, event_id: int) -> HttpResponse:
    """Everything that one event recorded: as text for the timeline, as a document otherwise."""
    event = get_object_or_404(Event, customer_id=customer_id, pk=event_id)
    text = as_json(event)
    response = (
        HttpResponse(escape(text))
        if is_fragment(request)
        else HttpResponse(text, content_type="application/json")
    )
    response["Vary"] = "HX-Request"
    return response


def _context(request: HttpRequest, customer_id: int) -> dict[str, Any]:
    actor: Actor = request.actor  # type: ignore[attr-defined]
    group = _group(request)
    path = reverse("activity:timeline", args=[customer_id])
    context: dict[str, Any] = {
        "customer_id": customer_id,
        "group": group,
        "filters": _filters(path, group),
        "refresh_url": _url(path, group=group, part="timeline"),
        "may_write": actor.may(Perm.NOTES_WRITE),
        "status": 200,
    }
    try:
        page = timeline_page(customer_id, group, request.GET)
    except InvalidInput as error:
        return {**context, "damaged": error.message, "newest_url": path, "status": 400}
    continued = _last_day_seen(request)
    return {
        **context,
        "pinned": [] if continued else _pinned(customer_id, actor),
        "days": list(_days(lines_for(page.rows, actor), continued)),
        "newest_url": _url(path, group=group) if continued else "",
        **_older(path, group, page),
    }


def _check_customer(customer_id: int) -> None:
    try:
        check_customer(customer_id)
    except NotFound as error:
        raise Http404(error.message) from error


def _group(request: HttpRequest) -> Group | None:
    asked = request.GET.get("group", "")
    if not asked:
        return None
    try:
        return Group(asked)
    except ValueError as error:
        raise Http404 from error


def _filters(path: str, group: Group | None) -> list[dict[str, Any]]:
    return [
        {
            "label": GROUP_LABELS[choice] if choice else None,
            "url": _url(path, group=choice),
            "part_url": _url(path, group=choice, part="timeline"),
            "current": choice is group,
        }
        for choice in (None, *groups())
    ]


def _older(path: str, group: Group | None, page: Page[Event]) -> dict[str, str]:
    if not page.older:
        return {"older_url": "", "older_part_url": ""}
    return {
        "older_url": _url(path, group=group, after=page.older),
        "older_part_url": _url(path, group=group, after=page.older, part="lines"),
    }


def _url(path: str, **parameters: str | None) -> str:
    given = {name: value for name, value in parameters.items() if value}
    return f"{path}?{urlencode(given)}" if given else path


def _last_day_seen(request: HttpRequest) -> date | None:
    """The day on which the page before this one ended; the cursor carries it."""
    cursor = request.GET.get(AFTER, "")
    seen = decode_cursor(cursor, 2)[0] if cursor else None
    return timezone.localdate(seen) if isinstance(seen, datetime) else None


def _days(lines: list[ShownLine], last_seen: date | None) -> Iterator[Day]:
    for day, those in groupby(lines, key=lambda line: timezone.localdate(line.occurred_at)):
        yield Day(day, list(those), continued=day == last_seen)


def _pinned(customer_id: int, actor: Actor) -> list[ShownLine]:
    return [_as_line(note, actor) for note in pinned_notes(customer_id)]


def _as_line(note: Note, actor: Actor) -> ShownLine:
    return shown(
        note_line(note), actor, icon="pin", tone="accent", author=note.actor_label,
        occurred_at=note.created_at,
    )  # fmt: skip
