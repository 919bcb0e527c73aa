"""What load balancers and Prometheus ask: alive, ready, metrics."""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Callable

import structlog
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.utils.cache import add_never_cache_headers
from django_prometheus.exports import ExportToDjangoView

from loyalty_admin.celery import app

logger = structlog.get_logger(__name__)


class HealthMiddleware:
    """Answers monitoring before anything else: no sign-in, no host name, no line in the log."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        answer = ANSWERS.get(request.path_info)
        if answer is None:
            return self.get_response(request)
        response = answer(request)
        add_never_cache_headers(response)
        return response


def alive(request: HttpRequest) -> HttpResponse:
    """Answer that the process is alive; asks nobody else."""
    return JsonResponse({"status": "ok"})


def ready(request: HttpRequest) -> HttpResponse:
    """Answer whether this process can do its work, and what is missing if not (503)."""
    checks = {name: result_of(check) for name, check in CHECKS.items()}
    is_ready = all(result == "ok" for result in checks.values())
    return JsonResponse(
        {"status": "ok" if is_ready else "unavailable", "checks": checks},
        status=200 if is_ready else 503,
    )


def metrics(request: HttpRequest) -> HttpResponse:
    """Answer Prometheus, if it has the token or asks from this machine without a proxy."""
    if not _may_read_metrics(request):
        return HttpResponse("A bearer token is needed.\n", status=403, content_type="text/plain")
    response: HttpResponse = ExportToDjangoView(request)
    return response


def _may_read_metrics(request: HttpRequest) -> bool:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if settings.METRICS_TOKEN:
        return scheme.lower() == "bearer" and secrets.compare_digest(
            token.encode(), settings.METRICS_TOKEN.encode()
        )
    # A proxy on this machine makes everybody look local; what it forwards says so.
    forwarded = "X-Forwarded-For" in request.headers or "Forwarded" in request.headers
    try:
        return not forwarded and ipaddress.ip_address(request.META["REMOTE_ADDR"]).is_loopback
    except (KeyError, ValueError):
        return False


def result_of(check: Callable[[], str]) -> str:
    """What a check says; the details of a failure go to the log, not to strangers."""
    try:
        return check()
    except Exception:
        logger.exception("not_ready", check=check.__name__)
        return "unavailable"


def _database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return "ok"


def _migrations() -> str:
    executor = MigrationExecutor(connection)
    pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return "pending" if pending else "ok"


def _cache() -> str:
    cache.get("readyz")
    return "ok"


def _broker() -> str:
    with app.connection_for_write(connect_timeout=2) as broker:
        broker.ensure_connection(max_retries=1, timeout=2)
    return "ok"


CHECKS: dict[str, Callable[[], str]] = {
    "database": _database,
    "migrations": _migrations,
    "cache": _cache,
    "broker": _broker,
}
ANSWERS: dict[str, Callable[[HttpRequest], HttpResponse]] = {
    "/healthz": alive,
    "/readyz": ready,
    "/metrics": metrics,
}
