"""The dialog that gives expired units back."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from loyalty_admin.common.actor import Actor
from loyalty_admin.common.errors import DomainError, IdempotencyConflict, NotFound
from loyalty_admin.common.htmx import done, render
from loyalty_admin.common.templatetags.ui import date_in_words, units
from loyalty_admin.staff.permissions import Perm, requires
from rewards.actions.reinstating import check_reinstatable, reinstate_units
from rewards.forms.fields import new_key
from rewards.forms.reinstate import ReinstateForm
from rewards.models import Entry
from rewards.places import CHANGED
from rewards.selectors.expired import expiry_entry, what_comes_back
from rewards.selectors.returning import lot_sentence


@requires(Perm.BALANCE_REINSTATE)
@require_http_methods(["GET", "HEAD", "POST"])
def reinstate(request: HttpRequest, customer_id: int, expiry_id: int) -> HttpResponse:
    """RW-9: say what comes back and until when (GET), and give it back (POST)."""
    try:
        entry = expiry_entry(expiry_id, customer_id)
    except NotFound as error:
        raise Http404(error.message) from error
    if request.method != "POST":
        return _dialog(request, entry, ReinstateForm())
    form = ReinstateForm(request.POST)
    if not form.is_valid():
        return _dialog(request, entry, form, status=422)
    actor: Actor = request.actor  # type: ignore[attr-defined]
    try:
        operation = reinstate_units(actor=actor, operation_id=expiry_id, **form.cleaned_data)
    except DomainError as error:
        return _refused(request, entry, form, error)
    back = operation.entries.get()
    words = {
        "units": entry.account.program.units(back.amount),
        "before": units(back.balance_after - back.amount),
        "after": units(back.balance_after),
    }
    return done(
        request,
        message=_("%(units)s reinstated: balance %(before)s → %(after)s.") % words,
        next_url=_history(entry),
        events=(CHANGED,),
        undo_url=reverse("rewards:undo", args=[customer_id, operation.pk]),
    )


def _refused(
    request: HttpRequest, entry: Entry, form: ReinstateForm, error: DomainError
) -> HttpResponse:
    """The dialog again, with what was typed; it says itself why nothing can be given back."""
    if isinstance(error, IdempotencyConflict):
        form.data = form.data.dict() | {"idempotency_key": new_key()}  # type: ignore[attr-defined]
    if isinstance(error, IdempotencyConflict) or not _why_not(entry):
        form.add_error(error.field if error.field in form.fields else None, error.message)
    return _dialog(request, entry, form, status=422)


def _why_not(entry: Entry) -> str:
    """Why it can't be given back, or nothing."""
    try:
        check_reinstatable(entry.account, entry.operation, timezone.now())
    except DomainError as error:
        return error.message
    return ""


def _dialog(
    request: HttpRequest, entry: Entry, form: ReinstateForm, status: int = 200
) -> HttpResponse:
    program, lost = entry.account.program, entry.account.program.units(-entry.amount)
    day, why_not = date_in_words(entry.occurred_at), _why_not(entry)
    context: dict[str, Any] = {
        "title": _("Reinstate %s?") % lost,
        "intro": _("Expired on %(day)s in %(program)s.") % {"day": day, "program": program},
        "why_not": why_not,
        "form": form,
        "action_url": reverse("rewards:reinstate", args=[entry.customer_id, entry.operation_id]),
        "close_url": _history(entry),
    }
    if not why_not:
        context |= {"lines": _lines(entry), "label": _("Reinstate")}
    return render(request, "rewards/reinstate.html", context, partial="dialog", status=status)


def _lines(entry: Entry) -> list[str]:
    account, program = entry.account, entry.account.program
    lines = [
        lot_sentence(back.units, back.granted_at, back.until, had_expired=False)
        for back in what_comes_back(entry, timezone.now())
    ]
    if owed := min(account.debt, -entry.amount):
        lines.insert(0, _("%s pay for what is owed") % program.units(owed))
    words = {"before": units(account.balance), "after": units(account.balance - entry.amount)}
    return [*lines, _("The balance goes from %(before)s to %(after)s") % words]


def _history(entry: Entry) -> str:
    url = reverse("rewards:points", args=[entry.customer_id])
    return f"{url}?program={entry.account.program_id}"
