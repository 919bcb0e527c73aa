"""One template for page and fragment, and the answers that htmx understands."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.shortcuts import render as django_render
from django.template.loader import render_to_string
from django_htmx.http import trigger_client_event


def is_fragment(request: HttpRequest) -> bool:
    """Whether htmx asks for a part of the page (a history restore wants the whole)."""
    htmx = request.htmx  # type: ignore[attr-defined]
    return bool(htmx) and not htmx.history_restore_request


def render(
    request: HttpRequest,
    template: str,
    context: dict[str, Any] | None = None,
    *,
    partial: str = "panel",
    status: int = 200,
) -> HttpResponse:
    """The page, or only its named partial when htmx asks."""
    name = f"{template}#{partial}" if is_fragment(request) else template
    response = django_render(request, name, context, status=status)
    response["Vary"] = "HX-Request"
    return response


def done(
    request: HttpRequest,
    *,
    message: str,
    next_url: str,
    events: tuple[str, ...] = (),
    undo_url: str = "",
    code: str = "",
) -> HttpResponse:
    """The answer to an act that worked.

    With htmx: the dialog closes, a toast (with Undo when there is an `undo_url`)
    appears and the panels that listen to `events` refresh. Without: a redirect to
    `next_url`, where the message waits. A `code` that the act made stands behind the
    message, to be copied; its toast stays until it is closed.
    """
    if not request.htmx:  # type: ignore[attr-defined]
        messages.success(request, f"{message} {code}".strip(), extra_tags=undo_url)
        return redirect(next_url)
    context: dict[str, Any] = {"message": message, "tone": "ok", "undo_url": undo_url}
    context |= {"copies": code, "timeless": bool(code)}
    response = HttpResponse(render_to_string("components/toast_partial.html", context, request))
    for event in events:
        trigger_client_event(response, event)
    return response


def refused(request: HttpRequest, *, message: str, next_url: str) -> HttpResponse:
    """The answer to an act that was refused where there is no form to say it beside.

    With htmx: a toast that stays until it is read. Without: a redirect to `next_url`, where
    the message waits.
    """
    if not request.htmx:  # type: ignore[attr-defined]
        messages.error(request, message)
        return redirect(next_url)
    context = {"message": message, "tone": "bad", "timeless": True}
    html = render_to_string("components/toast_partial.html", context, request)
    return HttpResponse(html, status=409)
