"""RW-6, RW-7: the rewards that customers have, and what can be done about each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from customers.search import query_of
from customers.views.paging import is_paged, links
from loyalty_admin.common.errors import DomainError, InvalidInput, NotFound
from loyalty_admin.common.htmx import done, refused, render
from loyalty_admin.common.profile import render_panel
from loyalty_admin.common.templatetags.ui import units
from loyalty_admin.staff.permissions import Perm, requires
from rewards.actions.redemption_states import (
    mark_redemption_used,
    remove_redemption,
    reopen_redemption,
)
from rewards.actions.redemptions import cancel_redemption, check_cancellable
from rewards.forms.redemptions import CancelForm, RedemptionSearchForm, RemoveForm
from rewards.models import Redemption
from rewards.places import CHANGED
from rewards.selectors.preview import Preview
from rewards.selectors.redemptions import (
    PAST,
    outstanding_of,
    past_of,
    redemption_of,
    redemption_page,
)
from rewards.selectors.returning import preview_cancellation

TAB = "rewards"
LIST = "rewards/redemptions/list.html"
ACT = "rewards/redemptions/act.html"
Status = Redemption.Status


@dataclass(frozen=True, slots=True)
class Choice:
    """A link among several."""

    label: str
    url: str
    current: bool


@requires(Perm.LEDGER_VIEW)
@require_safe
def panel(request: HttpRequest, customer_id: int) -> HttpResponse:
    """What the customer can use, and what was used, cancelled or has expired."""
    url = reverse("rewards:customer-rewards", args=[customer_id])
    status = request.GET.get("status", "")
    status = status if status in PAST else ""
    context: dict[str, Any] = {
        "url": url,
        "may_undo": _may_undo(request),
        "filters": _filters(url, status),
        "status": status,
        "paged": is_paged(request.GET),
    }
    try:
        page = past_of(customer_id, status, request.GET)
    except InvalidInput as error:
        context["damaged"] = error.message
        response = render_panel(
            request, customer_id, TAB, "rewards/redemptions/panel.html", context
        )
        response.status_code = 400
        return response
    context["outstanding"] = [] if context["paged"] else outstanding_of(customer_id)
    context["past"] = page.rows
    context["page"] = links(page, url, {"status": status})
    return render_panel(request, customer_id, TAB, "rewards/redemptions/panel.html", context)


def _filters(url: str, current: str) -> list[Choice]:
    choices = {"": _("All that is over")} | {status.value: str(status.label) for status in PAST}
    return [
        Choice(label, f"{url}?{urlencode({'status': value})}" if value else url, value == current)
        for value, label in choices.items()
    ]


@requires(Perm.LEDGER_VIEW)
@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    """All redemptions, newest first; found by code, document, e-mail address or name."""
    form = RedemptionSearchForm(request.GET)
    url = reverse("rewards:redemptions")
    context: dict[str, Any] = {
        "form": form,
        "url": url,
        "paged": is_paged(request.GET),
        "may_undo": _may_undo(request),
    }
    if not form.is_valid():
        return render(request, LIST, context, status=422)
    query, status = query_of(form.cleaned_data["q"]), form.cleaned_data["status"]
    context |= {"query": query, "status": status}
    try:
        page = redemption_page(query, status, request.GET)
    except InvalidInput as error:
        return render(request, LIST, context | {"damaged": error.message}, status=400)
    context["redemptions"] = page.rows
    context["page"] = links(page, url, {"q": query.text, "status": status})
    return render(request, LIST, context)


@requires(Perm.BALANCE_UNDO)
@require_http_methods(["GET", "HEAD", "POST"])
def cancel(request: HttpRequest, customer_id: int, redemption_id: int) -> HttpResponse:
    """Say what comes back (GET) and give it back (POST). It is done once, so its id is the key."""
    redemption = _redemption(customer_id, redemption_id)
    form = CancelForm(request.POST if request.method == "POST" else None)
    act = _Act("cancel", _("Cancel this redemption?"), _("Cancel redemption"), _cancelling)
    if request.method != "POST" or not form.is_valid():
        return _ask(request, redemption, act, form)
    actor = request.actor  # type: ignore[attr-defined]
    try:
        cancelled = cancel_redemption(
            actor=actor,
            redemption_id=redemption_id,
            idempotency_key=f"undo:redemption:{redemption_id}:{actor.user_id}",
            reason=form.cleaned_data["reason"],
        )
    except DomainError as error:
        return _refuse(request, redemption, act, form, error)
    account = redemption.account
    account.refresh_from_db(fields=["balance"])
    words = {
        "reward": cancelled.reward.name,
        "units": account.program.units(cancelled.units),
        "balance": units(account.balance),
    }
    message = _("“%(reward)s” cancelled: %(units)s returned, the balance is %(balance)s.") % words
    return done(request, message=message, next_url=_tab(customer_id), events=(CHANGED,))


@requires(Perm.BALANCE_UNDO)
@require_http_methods(["GET", "HEAD", "POST"])
def remove(request: HttpRequest, customer_id: int, redemption_id: int) -> HttpResponse:
    """Take a reward away without giving units back, after asking why."""
    redemption = _redemption(customer_id, redemption_id)
    form = RemoveForm(request.POST if request.method == "POST" else None)
    act = _Act("remove", _("Take this reward away?"), _("Remove reward"), _removing)
    if request.method != "POST" or not form.is_valid():
        return _ask(request, redemption, act, form)
    try:
        remove_redemption(
            actor=request.actor,  # type: ignore[attr-defined]
            redemption_id=redemption_id,
            reason=form.cleaned_data["reason"],
        )
    except DomainError as error:
        return _refuse(request, redemption, act, form, error)
    message = _("“%s” taken away; no units were returned.") % redemption.reward
    return _changed(request, redemption, message, undo="reopen")


@requires(Perm.BALANCE_UNDO)
@require_POST
def used(request: HttpRequest, customer_id: int, redemption_id: int) -> HttpResponse:
    """Note that the reward was handed over."""
    redemption = _redemption(customer_id, redemption_id)
    try:
        mark_redemption_used(actor=request.actor, redemption_id=redemption_id)  # type: ignore[attr-defined]
    except DomainError as error:
        return refused(request, message=error.message, next_url=_tab(customer_id))
    message = _("“%s” marked as used.") % redemption.reward
    return _changed(request, redemption, message, undo="reopen")


@requires(Perm.BALANCE_UNDO)
@require_POST
def reopen(request: HttpRequest, customer_id: int, redemption_id: int) -> HttpResponse:
    """Undo of marking used and of taking away."""
    redemption = _redemption(customer_id, redemption_id)
    try:
        reopen_redemption(actor=request.actor, redemption_id=redemption_id)  # type: ignore[attr-defined]
    except DomainError as error:
        return refused(request, message=error.message, next_url=_tab(customer_id))
    message = _("“%s” can be used again.") % redemption.reward
    return _changed(request, redemption, message)


def _changed(
    request: HttpRequest, redemption: Redemption, message: str, *, undo: str = ""
) -> HttpResponse:
    ids = [redemption.customer_id, redemption.pk]
    return done(
        request,
        message=message,
        next_url=_tab(redemption.customer_id),
        events=(CHANGED,),
        undo_url=reverse(f"rewards:redemption-{undo}", args=ids) if undo else "",
    )


@dataclass(frozen=True, slots=True)
class _Act:
    """What a dialog asks about; `preview` says what it will do."""

    name: str
    title: str
    label: str
    preview: Callable[[Redemption], Preview]


def _ask(request: HttpRequest, redemption: Redemption, act: _Act, form: forms.Form) -> HttpResponse:
    preview = act.preview(redemption)
    context = {
        "redemption": redemption,
        "form": form,
        "title": act.title,
        "label": act.label,
        "lines": preview.lines,
        "tone": preview.tone,
        "action_url": reverse(
            f"rewards:redemption-{act.name}", args=[redemption.customer_id, redemption.pk]
        ),
        "close_url": _tab(redemption.customer_id),
    }
    status = 422 if form.is_bound else 200
    return render(request, ACT, context, partial="dialog", status=status)


def _refuse(
    request: HttpRequest,
    redemption: Redemption,
    act: _Act,
    form: forms.Form,
    error: DomainError,
) -> HttpResponse:
    """In the dialog, the dialog again with the reason; to a press of Undo, the reason alone."""
    if "reason" not in request.POST:
        return refused(request, message=error.message, next_url=_tab(redemption.customer_id))
    form.add_error(None, error.message)
    return _ask(request, _redemption(redemption.customer_id, redemption.pk), act, form)


def _cancelling(redemption: Redemption) -> Preview:
    try:
        check_cancellable(redemption)
    except DomainError as error:
        return Preview([error.message], "warn")
    return preview_cancellation(redemption, timezone.now())


def _removing(redemption: Redemption) -> Preview:
    if redemption.status != Status.OUTSTANDING:
        return Preview([_("Only what can still be used can be taken away.")], "warn")
    lines = [_("No units are returned")]
    if redemption.code:
        lines.append(_("The code %s is deleted") % redemption.code.code)
    return Preview([*lines, _("No message is sent")])


def _redemption(customer_id: int, redemption_id: int) -> Redemption:
    try:
        return redemption_of(customer_id, redemption_id)
    except NotFound as error:
        raise Http404(error.message) from error


def _may_undo(request: HttpRequest) -> bool:
    may: bool = request.actor.may(Perm.BALANCE_UNDO)  # type: ignore[attr-defined]
    return may


def _tab(customer_id: int) -> str:
    return reverse("rewards:customer-rewards", args=[customer_id])
