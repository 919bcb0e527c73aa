"""The customer list."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from customers.models import Customer
from customers.search import query_of, search_page
from customers.selectors import LIST_SIZE, customer_total, newest_customers
from customers.tables import customer_table, in_words
from customers.views.paging import is_paged, links
from loyalty_admin.common.errors import InvalidInput
from loyalty_admin.common.htmx import render
from loyalty_admin.common.paging import Page
from loyalty_admin.staff.permissions import Perm, requires

TEMPLATE = "customers/list.html"


@requires(Perm.CUSTOMERS_VIEW)
@require_safe
def customer_list(request: HttpRequest) -> HttpResponse:
    """A page of customers, newest joiners first; the URL holds the search and the cursor."""
    query = query_of(request.GET.get("q", ""))
    url = reverse("customers:list")
    context: dict[str, Any] = {"query": query, "url": url, "paged": is_paged(request.GET)}
    try:
        if query.text:
            page = search_page(query, request.GET, LIST_SIZE)
        else:
            page = newest_customers(request.GET)
    except InvalidInput as error:
        return render(request, TEMPLATE, context | {"damaged": error.message}, status=400)
    context["table"] = customer_table(page.rows)
    context["page"] = links(page, url, {"q": query.text})
    if not query.text:
        context["total"] = in_words(customer_total())
    elif _is_whole(page):
        context["matches"] = len(page.rows)
    return render(request, TEMPLATE, context)


def _is_whole(page: Page[Customer]) -> bool:
    return page.newer is None and page.older is None and len(page.rows) < LIST_SIZE
