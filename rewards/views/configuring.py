"""What the screens of programs, rules and tiers have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render as render_template

from loyalty_admin.common.actor import Actor
from loyalty_admin.common.errors import DomainError, NotFound
from loyalty_admin.common.htmx import done, refused, render
from loyalty_admin.staff.permissions import Perm
from rewards.selectors.preview import Preview

CHANGED = "program-changed"
CONFIRM = "rewards/programs/confirm.html"

T = TypeVar("T")


def actor_of(request: HttpRequest) -> Actor:
    """Who asks."""
    actor: Actor = request.actor  # type: ignore[attr-defined]
    return actor


def may_configure(request: HttpRequest) -> bool:
    """Whether the buttons that change something are for them."""
    return actor_of(request).may(Perm.PROGRAMS_CONFIGURE)


def found(look: Callable[[], T]) -> T:
    """What the selector finds. Raises Http404 where it finds nothing."""
    try:
        return look()
    except NotFound as error:
        raise Http404(error.message) from error


def only_preview(request: HttpRequest) -> bool:
    """Whether the form was sent to be looked at and not to be saved."""
    return "preview" in request.POST


def show_preview(request: HttpRequest, preview: Preview) -> HttpResponse:
    """What will happen, as a part of the form that is being filled in."""
    context = {"lines": preview.lines, "tone": preview.tone}
    return render_template(request, "components/preview.html", context)


def say_beside(form: forms.Form, error: DomainError, **fresh: object) -> None:
    """The refusal beside its field; `fresh` values let the form be sent again."""
    shown = error.field in form.fields and not form[error.field].is_hidden
    form.add_error(error.field if shown else None, error.message)
    data = form.data.copy()  # type: ignore[attr-defined]
    for name, value in fresh.items():
        data[name] = str(value)
    form.data = data


def ask(
    request: HttpRequest,
    *,
    title: str,
    preview: Preview,
    label: str,
    urls: tuple[str, str],
    danger: bool = False,
) -> HttpResponse:
    """The dialog before an act; `urls` are where it is done and where one goes back to."""
    context: dict[str, Any] = {
        "title": title,
        "lines": preview.lines,
        "label": label,
        "action_url": urls[0],
        "close_url": urls[1],
        "danger": danger,
    }
    return render(request, CONFIRM, context, partial="dialog")


def act(
    request: HttpRequest, do: Callable[[], object], *, message: str, next_url: str, undo_url: str
) -> HttpResponse:
    """Do it, say so, and offer to undo it; or say why not."""
    try:
        do()
    except NotFound as error:
        raise Http404(error.message) from error
    except DomainError as error:
        return refused(request, message=error.message, next_url=next_url)
    return done(request, message=message, next_url=next_url, events=(CHANGED,), undo_url=undo_url)
