"""The API keeps the word of its OpenAPI document, whatever is sent to it."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from hypothesis import HealthCheck, given
from hypothesis import settings as with_settings
from schemathesis import GenerationMode
from schemathesis.checks import (
    content_type_conformance,
    not_a_server_error,
    response_schema_conformance,
    status_code_conformance,
)

from tests.factories import StoreFactory, new_api_key

pytestmark = pytest.mark.django_db(transaction=True)  # the WSGI handler manages connections


CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_answers_are_as_documented(mode: GenerationMode, settings: Any) -> None:
    """Bodies that the document allows, and bodies that it does not."""
    settings.API_REQUESTS_PER_MINUTE = 10**6
    StoreFactory(code="S-1")
    token = new_api_key()[1]
    headers = {"Authorization": f"Bearer {token}", "Accept-Encoding": "identity"}
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", get_wsgi_application())
    seen: set[int] = set()
    operations: list[Any] = list(schema.get_all_operations())
    for operation in operations:

        @given(case=operation.ok().as_strategy(generation_mode=mode))
        @with_settings(
            max_examples=30,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        def answers_well(case: Any) -> None:
            seen.add(case.call_and_validate(headers=headers, checks=CHECKS).status_code)

        answers_well()
    assert seen & {201, 422}
