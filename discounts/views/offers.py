"""Offers: the list, one offer, and the forms that make and change it."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render as render_page
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from activity.changes import changes_of
from discounts.actions import offers as acts
from discounts.actions.codes import grouped
from discounts.forms import OfferForm
from discounts.models import Offer
from discounts.selectors import (
    COUNTED,
    in_words,
    offer_by_id,
    offers,
    usable_codes,
    what_a_change_means,
    worth,
)
from loyalty_admin.common.errors import DomainError, NotFound, StaleView
from loyalty_admin.common.htmx import done, refused, render
from loyalty_admin.staff.permissions import Perm, requires

LIST, DETAIL, FORM = (f"discounts/offers/{name}.html" for name in ("list", "detail", "form"))
OFFER_CHANGED = "offer-changed"
SAMPLE = "7KQ4M2XP9RTVW"
TITLES = {
    acts.CREATED: gettext_lazy("Created"),
    acts.CHANGED: gettext_lazy("Changed"),
    acts.SWITCHED: gettext_lazy("Switched on or off"),
}


@requires(Perm.LEDGER_VIEW)
@require_safe
def offer_list(request: HttpRequest) -> HttpResponse:
    """DC-3: every offer with what it says."""
    rows = [(offer, in_words(offer)) for offer in offers()]
    return render(request, LIST, {"rows": rows, "may_configure": _may_configure(request)})


@requires(Perm.LEDGER_VIEW)
@require_safe
def offer(request: HttpRequest, offer_id: int) -> HttpResponse:
    """One offer, and who changed what of it."""
    found = _offer(offer_id)
    context = {
        "offer": found,
        "sentence": in_words(found),
        "worth": worth(found.kind, found.value, found.currency),
        "sample": grouped(found.prefix, SAMPLE),
        "usable": usable_codes(found.pk),
        "counted": COUNTED,
        "changes": changes_of(found.pk, TITLES),
        "may_configure": _may_configure(request),
    }
    return render(request, DETAIL, context)


@requires(Perm.PROGRAMS_CONFIGURE)
@require_http_methods(["GET", "HEAD", "POST"])
def offer_new(request: HttpRequest) -> HttpResponse:
    """Make an offer."""
    form = OfferForm(request.POST if request.method == "POST" else None, offer=None)
    return _save(request, form, None)


@requires(Perm.PROGRAMS_CONFIGURE)
@require_http_methods(["GET", "HEAD", "POST"])
def offer_edit(request: HttpRequest, offer_id: int) -> HttpResponse:
    """Change an offer, after saying what that does to the codes that exist."""
    found = _offer(offer_id)
    form = OfferForm(request.POST if request.method == "POST" else None, offer=found)
    return _save(request, form, found)


@requires(Perm.PROGRAMS_CONFIGURE)
@require_safe
def offer_preview(request: HttpRequest) -> HttpResponse:
    """What the offer that is being typed will say; `offer` is the one that it changes."""
    typed = request.GET.get("offer", "")
    found = _offer(int(typed)) if typed.isdecimal() and len(typed) < 19 else None
    context = {"lines": _preview(OfferForm(request.GET, offer=found), found)}
    return render_page(request, "components/preview.html", context)


@requires(Perm.PROGRAMS_CONFIGURE)
@require_POST
def offer_on(request: HttpRequest, offer_id: int) -> HttpResponse:
    """Let the offer make codes."""
    return _switch(request, offer_id, is_active=True)


@requires(Perm.PROGRAMS_CONFIGURE)
@require_POST
def offer_off(request: HttpRequest, offer_id: int) -> HttpResponse:
    """Stop the offer from making codes."""
    return _switch(request, offer_id, is_active=False)


def _switch(request: HttpRequest, offer_id: int, *, is_active: bool) -> HttpResponse:
    url = reverse("discounts:offer", args=[offer_id])
    try:
        switched = acts.switch_offer(
            actor=request.actor,  # type: ignore[attr-defined]
            offer_id=offer_id,
            is_active=is_active,
        )
    except NotFound as error:
        raise Http404(error.message) from error
    except DomainError as error:
        return refused(request, message=error.message, next_url=url)
    said = _("“%(offer)s” is on: codes can be made of it.")
    if not is_active:
        said = _("“%(offer)s” is off: no more codes; those that exist stay good.")
    back = "discounts:offer-off" if is_active else "discounts:offer-on"
    return done(
        request,
        message=said % {"offer": switched},
        next_url=url,
        events=(OFFER_CHANGED,),
        undo_url=reverse(back, args=[offer_id]),
    )


def _save(request: HttpRequest, form: OfferForm, found: Offer | None) -> HttpResponse:
    if request.method != "POST":
        return _form(request, form, found)
    terms = form.terms()
    if terms is None:
        return _form(request, form, found, status=422)
    actor = request.actor  # type: ignore[attr-defined]
    try:
        if found is None:
            saved = acts.create_offer(actor=actor, terms=terms)
        else:
            saved = acts.change_offer(
                actor=actor, offer_id=found.pk, terms=terms, seen=form.cleaned_data["seen"]
            )
    except DomainError as error:
        form.add_error(error.field if error.field in form.fields else None, error.message)
        if isinstance(error, StaleView) and found:
            # Who has read what it says now may save again.
            form.data = form.data.dict() | {"seen": acts.says_now(found)}  # type: ignore[attr-defined]
        return _form(request, form, found, status=422)
    said = _("“%(offer)s” was saved: %(sentence)s.")
    message = said % {"offer": saved, "sentence": in_words(saved)}
    return done(request, message=message, next_url=reverse("discounts:offer", args=[saved.pk]))


def _form(
    request: HttpRequest, form: OfferForm, found: Offer | None, status: int = 200
) -> HttpResponse:
    preview_url = reverse("discounts:offer-preview")
    context: dict[str, Any] = {
        "form": form,
        "offer": found,
        "lines": _preview(form, found),
        "preview_url": f"{preview_url}?offer={found.pk}" if found else preview_url,
        "close_url": reverse("discounts:offer", args=[found.pk])
        if found
        else reverse("discounts:offer_list"),
        "changes": changes_of(found.pk, TITLES) if found else [],
    }
    if form.is_bound and found:
        context["now"] = in_words(found)
    return render_page(request, FORM, context, status=status)


def _preview(form: OfferForm, found: Offer | None) -> list[str]:
    """What the form as it stands would make of the offer, and of its codes."""
    if not form.is_bound:
        return [in_words(found)] if found else [_("Fill in the form to read the offer here.")]
    terms = form.terms()
    if terms is None:
        return [_("Fill in what is missing to read the offer here.")]
    try:
        typed = Offer(**acts.checked(terms))
    except DomainError as error:
        return [error.message]
    lines = [in_words(typed)]
    lines.append(_("Codes look like %s.") % grouped(typed.prefix, SAMPLE))
    if found:
        lines += what_a_change_means(found, typed, usable_codes(found.pk))
    return lines


def _offer(offer_id: int) -> Offer:
    try:
        return offer_by_id(offer_id)
    except NotFound as error:
        raise Http404(error.message) from error


def _may_configure(request: HttpRequest) -> bool:
    may: bool = request.actor.may(Perm.PROGRAMS_CONFIGURE)  # type: ignore[attr-defined]
    return may
