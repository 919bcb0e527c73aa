"""Mass adjustments: the list, the upload, and one batch with what can be done about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from customers.views.paging import links
from loyalty_admin.common.csv_export import csv_response
from loyalty_admin.common.errors import DomainError, InvalidInput, NotFound
from loyalty_admin.common.htmx import done, refused, render
from loyalty_admin.common.templatetags.ui import units
from loyalty_admin.common.uploads import is_too_large
from loyalty_admin.staff.permissions import Perm, requires
from rewards.actions.mass_adjustments.batches import (
    apply_batch,
    discard_batch,
    record_download,
    undo_batch,
    upload_batch,
)
from rewards.actions.mass_adjustments.opening import COLUMNS, OPTIONAL
from rewards.forms.batches import ApplyForm, UploadForm
from rewards.models import MassAdjustment
from rewards.selectors.batches import (
    batch_of,
    batches_page,
    remarks_of,
    result_rows,
    same_files,
)
from rewards.shown_batches import consequences_of, progress_of, sums_of, undoing_of

CHANGED = "mass-adjustment-changed"
LIST, NEW = "rewards/batches/list.html", "rewards/batches/new.html"
BATCH, CONFIRM = "rewards/batches/batch.html", "rewards/batches/confirm.html"
_BOTH = ["GET", "HEAD", "POST"]
_Status = MassAdjustment.Status

Act = Callable[..., MassAdjustment]


@requires(Perm.AUDIT_VIEW)
@require_safe
def batches(request: HttpRequest) -> HttpResponse:
    """All mass adjustments, newest first."""
    url = reverse("rewards:mass-adjustments")
    context: dict[str, Any] = {"url": url, "may": _may(request)}
    try:
        page = batches_page(request.GET)
    except InvalidInput as error:
        return render(request, LIST, context | {"damaged": error.message}, status=400)
    return render(request, LIST, context | {"batches": page.rows, "page": links(page, url, {})})


@requires(Perm.BALANCE_MASS_ADJUST)
@require_http_methods(_BOTH)
def new(request: HttpRequest) -> HttpResponse:
    """RW-12: upload a file; nothing moves before it has been looked at."""
    if request.method != "POST":
        return _form(request, UploadForm())
    form = UploadForm(request.POST, request.FILES, file_too_large=is_too_large(request))
    if not form.is_valid():
        return _form(request, form, status=422)
    values = form.cleaned_data
    try:
        batch = upload_batch(
            actor=request.actor,  # type: ignore[attr-defined]
            program_id=values["program"].pk,
            reason_id=values["reason"].pk if values["reason"] else None,
            counts_for_tier=values["counts_for_tier"],
            filename=values["file"].name,
            content=values["file"].file,
            size=values["file"].size,
            idempotency_key=values["idempotency_key"],
        )
    except DomainError as error:
        form.add_error(error.field if error.field in form.fields else None, error.message)
        return _form(request, form, status=422)
    messages.success(request, _("Uploaded. Nothing changes until you apply it."))
    return redirect("rewards:mass-adjustment", batch.pk)


def _form(request: HttpRequest, form: UploadForm, status: int = 200) -> HttpResponse:
    return render(request, NEW, {"form": form}, partial="dialog", status=status)


@requires(Perm.BALANCE_MASS_ADJUST)
@require_safe
def template(request: HttpRequest) -> HttpResponseBase:
    """A file to begin with: the columns, and two lines that show how they are filled in."""
    comment = _("Sorry for the wait")
    rows = [
        ("C-00001", 40, "goodwill", _("Long queue on Saturday"), comment, 365),
        ("ana.perez@example.com", -15, "correction", _("Credited twice"), "", ""),
    ]
    return csv_response("mass-adjustment.csv", COLUMNS + OPTIONAL, rows)


@requires(Perm.AUDIT_VIEW)
@require_safe
def batch(request: HttpRequest, batch_id: int) -> HttpResponse:
    """One batch: how far it is, what it did or will do, and the rows that need a look."""
    found = _found(batch_id)
    after = request.GET.get("after", "")
    remarks = remarks_of(found.pk, after=int(after) if after.isdecimal() and len(after) < 9 else 0)
    context = {
        "batch": found,
        "remarks": remarks,
        "is_first": not after,
        "progress": progress_of(found),
        "sums": sums_of(found),
        "twins": same_files(found) if found.status == _Status.READY else [],
        "may": _may(request),
        "url": reverse("rewards:mass-adjustment", args=[found.pk]),
    }
    return render(request, BATCH, context)


@requires(Perm.AUDIT_VIEW)
@require_POST
def result(request: HttpRequest, batch_id: int) -> HttpResponseBase:
    """Every row with what became of it, as a CSV file of any size; who took it is recorded."""
    found = _found(batch_id)
    record_download(actor=request.actor, batch_id=found.pk)  # type: ignore[attr-defined]
    header = [
        _("Line"), _("Customer"), _("Found by"), _("Amount"), _("Outcome"), _("Reason"),
        _("New balance"), _("Not taken back"),
    ]  # fmt: skip
    return csv_response(f"mass-adjustment-{found.pk}.csv", header, result_rows(found))


@requires(Perm.BALANCE_MASS_ADJUST)
@require_http_methods(_BOTH)
def apply(request: HttpRequest, batch_id: int) -> HttpResponse:
    """Ask, saying what will happen, and set the batch going."""
    found = _found(batch_id)
    twins = bool(same_files(found))
    form = ApplyForm(request.POST if request.method == "POST" else None) if twins else None
    words = {
        "title": _("Apply %(file)s?") % {"file": found.filename},
        "label": _("Apply %(rows)s rows") % {"rows": units(found.good)},
        "lines": consequences_of(found),
        "form": form,
        "action_url": reverse("rewards:mass-adjustment-apply", args=[found.pk]),
    }
    if request.method != "POST":
        return _ask(request, found, words)
    again = bool(form and form.is_valid() and form.cleaned_data["same_file_again"])
    try:
        apply_batch(
            actor=request.actor,  # type: ignore[attr-defined]
            batch_id=found.pk,
            same_file_again=again,
        )
    except InvalidInput as error:
        # Somebody else may have applied the same file while this dialog was open.
        form = form or ApplyForm(request.POST)
        form.is_valid()
        form.add_error(error.field, error.message)
        return _ask(request, found, words | {"form": form}, status=422)
    except DomainError as error:
        return refused(request, message=error.message, next_url=_url(found))
    return _done(request, found, _("Applying. You can leave this page and come back."))


@requires(Perm.BALANCE_MASS_ADJUST)
@require_http_methods(_BOTH)
def undo(request: HttpRequest, batch_id: int) -> HttpResponse:
    """Ask, and take the whole batch back."""
    found = _found(batch_id)
    words = {
        "title": _("Undo %(file)s?") % {"file": found.filename},
        "label": _("Undo %(rows)s rows") % {"rows": units(found.applied)},
        "lines": undoing_of(found),
        "danger": True,
        "action_url": reverse("rewards:mass-adjustment-undo", args=[found.pk]),
    }
    message = _("Undoing. You can leave this page and come back.")
    return _confirmed(request, found, words, undo_batch, message)


@requires(Perm.BALANCE_MASS_ADJUST)
@require_http_methods(_BOTH)
def discard(request: HttpRequest, batch_id: int) -> HttpResponse:
    """Ask, and throw an uploaded batch away."""
    found = _found(batch_id)
    words = {
        "title": _("Discard %(file)s?") % {"file": found.filename},
        "label": _("Discard file"),
        "lines": [_("No balance changes"), _("The rows of the file are deleted here")],
        "danger": True,
        "action_url": reverse("rewards:mass-adjustment-discard", args=[found.pk]),
    }
    return _confirmed(request, found, words, discard_batch, _("Discarded."))


def _confirmed(
    request: HttpRequest, found: MassAdjustment, words: dict[str, Any], act: Act, message: str
) -> HttpResponse:
    if request.method != "POST":
        return _ask(request, found, words)
    try:
        act(actor=request.actor, batch_id=found.pk)  # type: ignore[attr-defined]
    except DomainError as error:
        return refused(request, message=error.message, next_url=_url(found))
    return _done(request, found, message)


def _ask(
    request: HttpRequest, found: MassAdjustment, words: dict[str, Any], status: int = 200
) -> HttpResponse:
    context = {"close_url": _url(found), **words}
    return render(request, CONFIRM, context, partial="dialog", status=status)


def _done(request: HttpRequest, found: MassAdjustment, message: str) -> HttpResponse:
    return done(request, message=message, next_url=_url(found), events=(CHANGED,))


def _url(found: MassAdjustment) -> str:
    return reverse("rewards:mass-adjustment", args=[found.pk])


def _found(batch_id: int) -> MassAdjustment:
    try:
        return batch_of(batch_id)
    except NotFound as error:
        raise Http404(error.message) from error


def _may(request: HttpRequest) -> bool:
    return bool(request.actor.may(Perm.BALANCE_MASS_ADJUST))  # type: ignore[attr-defined]
