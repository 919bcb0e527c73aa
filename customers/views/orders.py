"""Orders: a customer's, all of them, and one."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render as render_page
from django.urls import reverse
from django.views.decorators.http import require_safe

from customers.forms import OrderSearchForm
from customers.page import customer_of
from customers.selectors import order_with_lines, orders_by_number, orders_of
from customers.shown_orders import shown_orders
from customers.views.paging import is_paged, links
from loyalty_admin.common.errors import InvalidInput, NotFound
from loyalty_admin.common.htmx import render
from loyalty_admin.common.profile import render_panel
from loyalty_admin.staff.permissions import Perm, requires

LIST = "customers/order_list.html"
PANEL = "customers/orders.html"


@requires(Perm.ORDERS_VIEW)
@require_safe
def orders(request: HttpRequest, customer_id: int) -> HttpResponse:
    """A customer's orders as a panel; `order` names one that stands open on its page."""
    url = reverse("customers:orders", args=[customer_id])
    asked = request.GET.get("order", "")
    opened = int(asked) if asked.isdecimal() and len(asked) < 19 else None
    context: dict[str, Any] = {"url": url, "paged": is_paged(request.GET), "opened": opened}
    try:
        page = orders_of(customer_of(request, customer_id), request.GET, opened)
    except InvalidInput as error:
        response = render_panel(request, customer_id, "orders", PANEL, {"damaged": error.message})
        response.status_code = 400
        return response
    context["orders"] = shown_orders(page.rows, opened)
    context["page"] = links(page, url, {})
    return render_panel(request, customer_id, "orders", PANEL, context)


@requires(Perm.ORDERS_VIEW)
@require_safe
def order_list(request: HttpRequest) -> HttpResponse:
    """All orders, newest first; searched by number it says whether there is such an order."""
    form = OrderSearchForm(request.GET)
    url = reverse("customers:order_list")
    context: dict[str, Any] = {"form": form, "url": url, "paged": is_paged(request.GET)}
    if not form.is_valid():
        return render(request, LIST, context, status=422)
    number, store = form.cleaned_data["number"], form.cleaned_data["store"]
    try:
        page = orders_by_number(number, store.pk if store else None, request.GET)
    except InvalidInput as error:
        return render(request, LIST, context | {"damaged": error.message}, status=400)
    context["orders"] = page.rows
    context["number"], context["store"] = number, store
    context["may_claim"] = request.actor.may(Perm.ORDERS_CLAIM)  # type: ignore[attr-defined]
    context["page"] = links(page, url, {"number": number, "store": store.pk if store else ""})
    return render(request, LIST, context)


@requires(Perm.ORDERS_VIEW)
@require_safe
def order(request: HttpRequest, order_id: int) -> HttpResponse:
    """One order with its lines and what they earned."""
    try:
        found = order_with_lines(order_id)
    except NotFound as error:
        raise Http404(error.message) from error
    (shown,) = shown_orders([found], opened=found.pk)
    may_claim = found.customer is None and request.actor.may(Perm.ORDERS_CLAIM)  # type: ignore[attr-defined]
    context = {"shown": shown, "order": found, "may_claim": may_claim}
    return render_page(request, "customers/order.html", context)
