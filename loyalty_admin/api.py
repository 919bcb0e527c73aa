"""The HTTP API for tills and web shops, at /api/v1/: one door, one way to say no."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from functools import wraps
from typing import Any

import structlog
from csp.constants import SELF, UNSAFE_INLINE
from csp.decorators import csp_update
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, re_path
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError
from ninja.openapi.schema import OpenAPISchema
from ninja.parser import Parser

from customers.api import router as orders
from customers.refunds_api import router as refunds
from loyalty_admin.common.errors import DomainError
from loyalty_admin.common.problems import CONTENT_TYPE, field_path, problem, problem_of
from loyalty_admin.staff.api import KeyAuth, RateLimited, allowance_of
from rewards.api import router as events

log = structlog.get_logger(__name__)

PROBLEM_SCHEMA = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "errors"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}
PROBLEMS = {
    400: "The body is not JSON.",
    401: "There is no such API key, or it was revoked.",
    403: "The key may not do this.",
    404: "There is no such thing, or nothing at this address.",
    405: "The address does not know this method.",
    409: "The idempotency key, or the order's number, was used for something else.",
    413: "The body is too large.",
    422: "A field is wrong; `errors` names it.",
    429: "Too many requests; `Retry-After` says when to come back.",
    500: "Our mistake; nothing was recorded.",
}


class ExactParser(Parser):
    """JSON whose numbers never become floats, so that no amount is rounded."""

    def parse_body(self, request: HttpRequest) -> Any:
        """The body. Raises ValueError for anything that is not JSON."""
        try:
            return json.loads(request.body, parse_float=Decimal, parse_constant=_refuse)
        except RecursionError as error:
            raise ValueError("nested too deeply") from error


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


class Api(NinjaAPI):
    """The API with its problems in the OpenAPI document."""

    def get_openapi_schema(self, **kwargs: Any) -> OpenAPISchema:
        """The OpenAPI document."""
        schema = super().get_openapi_schema(**kwargs)
        schema["components"].setdefault("schemas", {})["Problem"] = PROBLEM_SCHEMA
        content = {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
        for operations in schema["paths"].values():
            for operation in operations.values():
                for status, description in PROBLEMS.items():
                    answer = {"description": description, "content": content}
                    operation["responses"].setdefault(status, answer)
        return schema


api = Api(
    title="Loyalty Admin",
    version="1",
    description="Orders, refunds and events in. Every write needs an Idempotency-Key.",
    urls_namespace="api",
    auth=KeyAuth(),
    parser=ExactParser(),
    # Swagger sets styles inline; scripts and everything else stay our own.
    docs_decorator=csp_update({"style-src": [SELF, UNSAFE_INLINE]}),
)
api.add_router("", orders)
api.add_router("", refunds)
api.add_router("", events)


@api.exception_handler(DomainError)
def _refused(_request: HttpRequest, error: DomainError) -> HttpResponse:
    return problem_of(error)


@api.exception_handler(ValidationError)
def _invalid(_request: HttpRequest, error: ValidationError) -> HttpResponse:
    errors = [
        {"field": _path_of(one["loc"]), "message": one["msg"].removeprefix("Value error, ")}
        for one in error.errors
    ]
    return problem(422, "invalid-input", "Some fields are wrong.", errors=errors)


def _path_of(location: tuple[str | int, ...]) -> str:
    # ("body", "body", "lines", 3, "quantity"): where it came from, the parameter, the field.
    start = 2 if location[0] == "body" else 1
    return field_path(location[start:]) or str(location[0])


@api.exception_handler(AuthenticationError)
def _unknown(_request: HttpRequest, _error: AuthenticationError) -> HttpResponse:
    answer = problem(401, "unauthorized", "Send a valid API key: Authorization: Bearer la_….")
    answer["WWW-Authenticate"] = "Bearer"
    return answer


@api.exception_handler(RateLimited)
def _too_many(_request: HttpRequest, _error: RateLimited) -> HttpResponse:
    return problem(429, "too-many-requests", "This key makes too many requests. Wait a little.")


@api.exception_handler(HttpError)
def _http_error(_request: HttpRequest, error: HttpError) -> HttpResponse:
    if error.status_code == 400:
        return problem(400, "malformed", "The body is not valid JSON in UTF-8.")
    return problem(error.status_code, "error", str(error))


@api.exception_handler(Http404)
def _missing(_request: HttpRequest, _error: Exception) -> HttpResponse:
    return problem(404, "not-found", "There is nothing at this address.")


@api.exception_handler(Exception)
def _broken(request: HttpRequest, error: Exception) -> HttpResponse:
    log.error("api request failed", path=request.path, exc_info=error)
    return problem(500, "internal", "Something went wrong on our side; nothing was recorded.")


View = Callable[..., HttpResponse]


def _guarded(view: View) -> View:
    """A view of the API: no sign-in, no body beyond the limit, no answer but ours."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            length = int(request.META.get("CONTENT_LENGTH") or 0)
        except ValueError:
            length = 0
        if length > settings.API_MAX_BODY_BYTES:
            limit = f"{settings.API_MAX_BODY_BYTES:,} bytes"
            return problem(413, "too-large", f"The body is larger than {limit}. Send fewer lines.")
        try:
            response = view(request, *args, **kwargs)
        except Http404 as error:
            response = _missing(request, error)
        if response.status_code == 405:
            refusal = problem(405, "method-not-allowed", f"{request.method} does nothing here.")
            refusal["Allow"] = response["Allow"]
            response = refusal
        if allowance := allowance_of(request):
            for name, value in allowance.headers().items():
                response[name] = value
        return response

    guarded.csrf_exempt = True  # type: ignore[attr-defined]
    return login_not_required(guarded)


def _nothing(request: HttpRequest) -> HttpResponse:
    return _missing(request, Http404())


def api_urls() -> tuple[list[URLPattern | URLResolver], str, str]:
    """The addresses of the API, for `path("api/v1/", …)`."""
    patterns, app_name, namespace = api.urls
    for pattern in patterns:
        if isinstance(pattern, URLPattern):
            pattern.callback = _guarded(pattern.callback)
    # Line breaks can stand in an address, too.
    rest = re_path(r"^[\s\S]*$", _guarded(_nothing), name="nothing")
    return [*patterns, rest], app_name, namespace
