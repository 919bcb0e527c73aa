"""The audit log: who changed what, from what to what, and from where."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from activity.actions.audit import record_export
from activity.diff import Difference, differences, in_words
from activity.filters import AuditFilter
from activity.models import AuditRecord
from activity.selectors import AUDIT_SIZE, audit_actors, audit_records, audit_verbs
from loyalty_admin.common.csv_export import csv_response
from loyalty_admin.common.errors import InvalidInput
from loyalty_admin.common.htmx import render
from loyalty_admin.common.paging import AFTER, BEFORE, Page, keyset_page
from loyalty_admin.staff.permissions import Perm, requires

TEMPLATE = "activity/audit.html"
EXPORT_CHUNK = 2000
HEADER = (
    "at", "actor", "actor_kind", "verb", "object_type", "object_id", "customer_id", "changes",
    "request_id", "ip",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """An audit record and what it changed."""

    record: AuditRecord
    changes: list[Difference]


@requires(Perm.AUDIT_VIEW)
@require_safe
def audit_log(request: HttpRequest) -> HttpResponse:
    """A page of the audit log, newest first; the URL holds the filters."""
    filters = _filters(request.GET)
    status = 200 if filters.is_valid() else 422
    context: dict[str, Any] = {"filters": filters, "applied": _applied(filters)}
    try:
        page = keyset_page(filters.rows, by="at", params=request.GET, size=AUDIT_SIZE)
    except InvalidInput as error:
        context["damaged"], status = error.message, 400
    else:
        context["rows"] = [_row(record) for record in page.rows]
        context["page"] = _pager(filters, page)
    context["query"] = urlencode(filters.applied)
    return render(request, TEMPLATE, context, status=status)


@requires(Perm.AUDIT_VIEW)
@require_POST
def export(request: HttpRequest) -> HttpResponseBase:
    """The filtered audit log as CSV; that it was taken is recorded first."""
    filters = _filters(request.GET)
    if not filters.is_valid():
        context = {"filters": filters, "applied": _applied(filters)}
        return render(request, TEMPLATE, context, status=422)
    record_export(actor=request.actor, filters=filters.applied)  # type: ignore[attr-defined]
    name = f"audit-log-{timezone.localdate().isoformat()}.csv"
    return csv_response(name, HEADER, _exported(filters))


def _filters(data: QueryDict) -> AuditFilter:
    return AuditFilter(data, audit_records(), verbs=audit_verbs(), actors=audit_actors())


def _row(record: AuditRecord) -> Row:
    return Row(record, differences(record.before, record.after))


def _exported(filters: AuditFilter) -> Iterator[tuple[object, ...]]:
    rows = filters.rows.select_related(None).order_by("-at", "-pk")
    for record in rows.iterator(chunk_size=EXPORT_CHUNK):
        yield (
            timezone.localtime(record.at).isoformat(timespec="seconds"),
            record.actor_label,
            record.actor_kind,
            record.verb,
            record.object_type,
            record.object_id,
            record.customer_id,
            "; ".join(in_words(change) for change in differences(record.before, record.after)),
            record.request_id,
            record.ip,
        )


def _applied(filters: AuditFilter) -> list[dict[str, str]]:
    """The filters that are on, each with the URL that takes it off."""
    return [
        {
            "label": f"{filters.filters[name].label}: {value}",
            "remove_url": _url(_without(filters.applied, name)),
        }
        for name, value in filters.applied.items()
    ]


def _without(parameters: Mapping[str, str], name: str) -> dict[str, str]:
    return {key: value for key, value in parameters.items() if key != name}


def _pager(filters: AuditFilter, page: Page[AuditRecord]) -> dict[str, Any]:
    return {
        "has_newer": page.newer is not None,
        "has_older": page.older is not None,
        "newer_url": _url({**filters.applied, BEFORE: page.newer or ""}),
        "older_url": _url({**filters.applied, AFTER: page.older or ""}),
        "summary": "" if page.newer else _("Newest first"),
    }


def _url(parameters: Mapping[str, str]) -> str:
    path = reverse("activity:audit")
    return f"{path}?{urlencode(parameters)}" if parameters else path
