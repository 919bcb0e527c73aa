"""The door of the API: who gets in, how much, how often, and what "no" looks like."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from customers import api as customers_api
from customers.models import Order
from loyalty_admin.common import rate_limit
from loyalty_admin.staff.models import ApiKey
from tests.factories import StoreFactory
from tests.loyalty_admin.api_client import ORDERS, Till, an_order

pytestmark = pytest.mark.django_db


@pytest.fixture
def till() -> Till:
    cache.clear()
    StoreFactory(code="S-1")
    return Till()


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer la_none.nothing", "Basic {token}", "Bearer {token}x", "Bearer {prefix}"],
)
def test_nobody_gets_in_without_a_key(till: Till, authorization: str) -> None:
    header = authorization.format(token=till.token, prefix=till.key.prefix)
    answer = till.post(an_order(), Authorization=header)

    assert_problem(answer, 401)
    assert answer["WWW-Authenticate"] == "Bearer"
    assert not Order.objects.exists()


def test_a_revoked_key_opens_nothing(till: Till) -> None:
    ApiKey.objects.update(revoked_at=timezone.now())
    assert_problem(till.post(an_order()), 401)


def test_a_key_without_the_scope_is_refused() -> None:
    StoreFactory(code="S-1")
    assert_problem(Till(scopes=[]).post(an_order()), 403)


def test_an_unknown_address_is_a_problem_too(till: Till) -> None:
    for address in ("/api/v1/nothing", "/api/v1/orders/", "/api/v1/", "/api/v1/orders/1"):
        assert_problem(till.client.get(address), 404)


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
def test_another_method_is_a_problem_too(till: Till, method: str) -> None:
    answer = getattr(till.client, method)(ORDERS)
    assert_problem(answer, 405)
    assert answer["Allow"] == "POST"


def test_a_body_of_five_megabytes_is_refused_before_it_is_read(till: Till) -> None:
    answer = till.post(b'{"number": "' + b"1" * 5_000_000 + b'"}')
    assert_problem(answer, 413)


@pytest.mark.parametrize(
    "body",
    [b"{", b"number=1", b'{"number": NaN}', b'{"a": "\xff"}', b"[" * 100_000, b"1" * 10_000],
)
def test_what_is_not_json_is_a_problem(till: Till, body: bytes) -> None:
    assert_problem(till.post(body), 400)


@pytest.mark.parametrize("body", [b"", [], "order", None, 1])
def test_json_that_is_no_order_is_a_problem(till: Till, body: object) -> None:
    assert_problem(till.post(body), 422)


def test_a_write_without_an_idempotency_key_is_refused(till: Till) -> None:
    for key in ("", "x" * 201):
        answer = till.post(an_order(), key=key)
        assert_problem(answer, 422)
        assert answer.json()["errors"][0]["field"] == "Idempotency-Key"
    assert not Order.objects.exists()


def test_our_own_mistake_is_a_problem_without_its_insides(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**_: Any) -> None:
        raise RuntimeError("secret of the house")

    monkeypatch.setattr(customers_api, "record_order", fail)
    answer = till.post(an_order())

    assert_problem(answer, 500)
    assert b"secret" not in answer.content


def test_the_limit_counts_down_and_then_says_when_to_come_back(
    till: Till, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_limit, "now", lambda: 1_000_000_010.0)
    settings.API_REQUESTS_PER_MINUTE = 2
    left = [till.post(an_order(), key="one")["RateLimit-Remaining"] for _ in range(2)]
    refused = till.post(an_order(), key="one")

    assert left == ["1", "0"]
    assert_problem(refused, 429)
    assert (refused["RateLimit-Limit"], refused["Retry-After"]) == ("2", "10")
    assert Till().post(an_order(), key="one").status_code == 200, "each key has its own limit"
    monkeypatch.setattr(rate_limit, "now", lambda: 1_000_000_041.0)
    assert till.post(an_order(), key="one").status_code == 201


def test_selling_goes_on_when_nobody_counts(till: Till, settings: Any) -> None:
    nowhere = {"LOCATION": "unix:///nowhere.sock"}
    settings.CACHES = {"default": settings.CACHES["default"] | nowhere}
    answer = till.post(an_order())

    assert answer.status_code == 201
    assert "RateLimit-Limit" not in answer


def test_the_last_use_is_noted_at_most_once_a_minute(till: Till) -> None:
    till.post(an_order())
    first = ApiKey.objects.get(pk=till.key.pk).last_used_at
    assert first is not None
    till.post(an_order())
    assert ApiKey.objects.get(pk=till.key.pk).last_used_at == first
    long_ago = timezone.now() - timedelta(minutes=2)
    ApiKey.objects.update(last_used_at=long_ago)
    till.post(an_order())
    noted = ApiKey.objects.get(pk=till.key.pk).last_used_at
    assert noted is not None
    assert noted > long_ago


def test_the_documents_come_from_this_host_alone(client: Client) -> None:
    page = client.get("/api/v1/docs")
    html = page.content.decode()

    assert page.status_code == 200
    assert all(url.startswith("/static/") for url in re.findall(r'(?:src|href)="([^"]+)"', html))
    policy = page["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "script-src" not in policy
    assert "http" not in policy


def test_the_openapi_document_tells_of_problems_and_keys(client: Client) -> None:
    document = client.get("/api/v1/openapi.json").json()
    post = document["paths"]["/api/v1/orders"]["post"]

    assert {"200", "201", "401", "409", "413", "422", "429"} <= post["responses"].keys()
    assert "application/problem+json" in post["responses"]["422"]["content"]
    header = next(one for one in post["parameters"] if one["name"] == "Idempotency-Key")
    assert (header["in"], header["required"]) == ("header", True)
    assert post["security"]


def assert_problem(answer: Any, status: int) -> None:
    """The answer is a whole problem with this status."""
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    body = answer.json()
    assert body.keys() == {"type", "title", "status", "detail", "errors"}
    assert body["status"] == status
    assert body["detail"]
