"""CU-6: an order is claimed for a customer, after saying what it will bring; and the undo."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from activity.models import Event
from customers import hooks
from customers.actions.claims import (
    CLAIMED,
    Claim,
    OrderTaken,
    claim_order,
    undo_claim,
    why_not_claimed,
)
from customers.forms import ClaimForm, ClaimSearchForm
from customers.lines_left import lines_of, remaining
from customers.models import Customer, Order
from customers.page import customer_of
from customers.search import query_of, search_page
from customers.selectors import order_with_lines
from loyalty_admin.common.errors import DomainError, NotFound
from loyalty_admin.common.htmx import done, refused, render
from loyalty_admin.common.templatetags.ui import date_in_words, units
from loyalty_admin.staff.models import Store
from loyalty_admin.staff.permissions import Perm, requires

CLAIM = "customers/claim.html"
CHANGED = ("ledger-changed", "activity-changed")
CANDIDATES = 8
"""How many customers are offered for an order."""


@requires(Perm.ORDERS_CLAIM)
@require_http_methods(["GET", "HEAD", "POST"])
def claim(request: HttpRequest, customer_id: int) -> HttpResponse:
    """Find an order by its number, see what it would bring, claim it."""
    customer = customer_of(request, customer_id)
    if request.method == "POST":
        return _claim(request, customer)
    if "number" not in request.GET:
        return _dialog(request, customer, ClaimSearchForm())
    form = ClaimSearchForm(request.GET)
    order = _found(form) if form.is_valid() else None
    if order is None:
        return _dialog(request, customer, form, status=422)
    return _preview(request, customer, order, ClaimForm(initial={"order": order.pk}))


def _found(form: ClaimSearchForm) -> Order | None:
    """The order that the form names; None, with the reason in the form, unless it is one."""
    number, store = form.cleaned_data["number"], form.cleaned_data["store"]
    orders = Order.objects.filter(number=number).select_related("store", "customer")
    if store:
        orders = orders.filter(store=store)
    found = list(orders[:2])
    if len(found) > 1:
        form.ask_for_store(Store.objects.filter(order__number=number).distinct())
    elif not found:
        form.add_error(
            "number",
            _(
                "There is no order with the number %(number)s. Numbers are compared whole; if "
                "the receipt is from today, its till may not have sent it yet."
            )
            % {"number": number},
        )
    return found[0] if len(found) == 1 else None


def _claim(request: HttpRequest, customer: Customer) -> HttpResponse:
    form = ClaimForm(request.POST)
    if not form.is_valid():
        # The fields are hidden: who sends others begins again.
        return _dialog(request, customer, ClaimSearchForm(), status=422)
    try:
        claimed = claim_order(
            actor=request.actor,  # type: ignore[attr-defined]
            order_id=form.cleaned_data["order"],
            customer_id=customer.pk,
            idempotency_key=form.cleaned_data["idempotency_key"],
        )
    except NotFound as error:
        raise Http404(error.message) from error
    except DomainError as error:
        order = get_object_or_404(
            Order.objects.select_related("store", "customer"), pk=form.cleaned_data["order"]
        )
        form.add_error(None, error.message)
        return _preview(request, customer, order, form, status=422)
    return done(
        request,
        message=_message(claimed, customer),
        next_url=_order_url(customer, claimed.order),
        events=CHANGED,
        undo_url=reverse("customers:claim-undo", args=[customer.pk, claimed.event_id]),
    )


def _message(claimed: Claim, customer: Customer) -> str:
    earned = ", ".join(f"{units(one['units'])} {one['unit_name']}" for one in claimed.earned)
    words = {"order": claimed.order, "customer": customer, "earned": earned}
    if not earned:
        return _("%(order)s is claimed for %(customer)s; it earned nothing.") % words
    return _("%(order)s is claimed: %(customer)s earned %(earned)s.") % words


def _order_url(customer: Customer, order: Order) -> str:
    panel = reverse("customers:orders", args=[customer.pk])
    return f"{panel}?order={order.pk}#order-{order.pk}"


def _dialog(
    request: HttpRequest, customer: Customer, form: ClaimSearchForm, status: int = 200
) -> HttpResponse:
    context = _common(customer) | {"form": form}
    return render(request, CLAIM, context, partial="dialog", status=status)


def _preview(
    request: HttpRequest, customer: Customer, order: Order, form: ClaimForm, status: int = 200
) -> HttpResponse:
    context = _common(customer) | {"order": order, "claim_form": form}
    if refusal := why_not_claimed(order, customer):
        context |= {"refusal": refusal.message}
        if isinstance(refusal, OrderTaken):
            context |= {"owner": order.customer}
    else:
        context |= _prospects(order, customer)
    return render(request, CLAIM, context, partial="dialog", status=status)


def _prospects(order: Order, customer: Customer) -> dict[str, Any]:
    lines = remaining(lines_of(order.pk))
    told = hooks.order_prospects(order, customer, lines)
    if not told:
        return {"lines": []}
    (earning,) = told
    words = {"customer": customer, "units": earning.total}
    if earning.total:
        what = [_("%(customer)s earns %(units)s, by the rules of the order's day.") % words]
    else:
        what = [_("It earns nothing: %s") % earning.reason]
    if earning.pending_until:
        day = date_in_words(earning.pending_until)
        what.append(_("Pending until %(day)s.") % {"day": day})
    what.append(_("The order stands with %(customer)s from then on.") % words)
    shown = [(line, earning.lines.get(line.pk, ())) for line in lines]
    return {"lines": what, "shown_lines": shown, "tone": "" if earning.total else "warn"}


def _common(customer: Customer) -> dict[str, Any]:
    return {
        "customer": customer,
        "url": reverse("customers:claim", args=[customer.pk]),
        "close_url": reverse("customers:orders", args=[customer.pk]),
    }


@requires(Perm.ORDERS_CLAIM)
@require_http_methods(["GET", "HEAD", "POST"])
def undo(request: HttpRequest, customer_id: int, claim_id: int) -> HttpResponse:
    """Ask (GET) and undo (POST) a claim."""
    told = get_object_or_404(Event, pk=claim_id, customer=customer_id, kind=CLAIMED)
    orders = reverse("customers:orders", args=[customer_id])
    if request.method != "POST":
        context = {
            "title": _("Undo the claim of order #%s?") % told.data["number"],
            "lines": [_("What the order earned is taken back, and the order is free again.")],
            "action_url": request.path,
            "close_url": orders,
            "label": _("Undo"),
        }
        return render(request, "customers/ask.html", context, partial="dialog")
    try:
        order = undo_claim(
            actor=request.actor,  # type: ignore[attr-defined]
            customer_id=customer_id,
            event_id=claim_id,
        )
    except DomainError as error:
        return refused(request, message=error.message, next_url=orders)
    message = _("The claim of %(order)s is undone.") % {"order": order}
    return done(request, message=message, next_url=orders, events=CHANGED)


@requires(Perm.ORDERS_CLAIM)
@require_safe
def claim_for(request: HttpRequest, order_id: int) -> HttpResponse:
    """Find the customer whose order this is; claiming it goes on from their page."""
    try:
        order = order_with_lines(order_id)
    except NotFound as error:
        raise Http404(error.message) from error
    query = query_of(request.GET.get("q", ""))
    named = urlencode({"number": order.number, "store": str(order.store_id)})
    found = search_page(query, {}, CANDIDATES).rows if query.text else []
    context = {
        "order": order,
        "query": query,
        "url": request.path,
        "close_url": reverse("customers:order", args=[order.pk]),
        "found": [
            (customer, f"{reverse('customers:claim', args=[customer.pk])}?{named}")
            for customer in found
        ],
    }
    return render(request, "customers/claim_for.html", context, partial="dialog")
