"""What the pages are measured against: views of a few lines that do as little as can be."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.template import engines

from customers.models import Customer

_ROWS = engines["django"].from_string(
    """<table>{% for customer in customers %}<tr>
<td><a href="/customers/{{ customer.pk }}/">{{ customer.name }}</a></td>
<td>{{ customer.external_id }}</td><td>{{ customer.document }}</td>
<td>{{ customer.get_status_display }}</td><td>{{ customer.joined_at|date }}</td>
</tr>{% endfor %}</table>"""
)


def empty(request: HttpRequest) -> HttpResponse:
    """Nothing at all, behind the sign-in."""
    return HttpResponse("nothing")


def bare_list(request: HttpRequest) -> HttpResponse:
    """As many rows as the customer list has, by one query and one template; keyset, too."""
    customers = Customer.objects.defer("search_text").order_by("-listed_at", "-pk")
    if "id" in request.GET:
        customers = customers.extra(
            where=["(listed_at, id) < (%s, %s)"], params=[request.GET["at"], request.GET["id"]]
        )
    return HttpResponse(_ROWS.render({"customers": customers[:50]}, request))
