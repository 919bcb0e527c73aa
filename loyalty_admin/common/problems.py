"""Errors as `application/problem+json` (RFC 9457), the only way in which the API says no."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus

from django.http import JsonResponse

from loyalty_admin.common.errors import DomainError

CONTENT_TYPE = "application/problem+json"

FieldError = Mapping[str, str]


def problem(
    status: int, code: str, detail: str, *, errors: Sequence[FieldError] = ()
) -> JsonResponse:
    """A problem with its fields; `code` names the kind of problem for machines."""
    return JsonResponse(
        {
            "type": f"urn:loyalty-admin:problem:{code}",
            "title": HTTPStatus(status).phrase,
            "status": status,
            "detail": detail,
            "errors": list(errors),
        },
        status=status,
        content_type=CONTENT_TYPE,
    )


def problem_of(error: DomainError) -> JsonResponse:
    """What a refusal of the domain looks like to a client."""
    errors = [{"field": error.field, "message": error.message}] if error.field else []
    return problem(error.status, error.code, error.message, errors=errors)


def field_path(parts: Sequence[str | int]) -> str:
    """The path of a field as clients write it: `lines[3].quantity`."""
    path = ""
    for part in parts:
        if isinstance(part, int):
            path += f"[{part}]"
        else:
            path += f".{part}" if path else part
    return path
