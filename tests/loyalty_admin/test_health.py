"""Alive, ready, metrics: what monitoring may ask without a sign-in, and what it is told."""

from __future__ import annotations

import functools
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from loyalty_admin.celery import app
from loyalty_admin.common import health


def test_alive_without_sign_in_or_database(
    client: Client, db: None, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(0):
        response = client.get("/healthz")
    assert response.status_code == 200
    assert response.json() == {"status": "ok"}


def test_ready(client: Client, db: None) -> None:
    response = client.get("/readyz")
    assert response.status_code == 200
    assert response.json()["checks"] == {
        "database": "ok",
        "migrations": "ok",
        "cache": "ok",
        "broker": "ok",
    }


def test_not_ready_names_what_is_down(
    client: Client, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> str:
        raise OperationalError("password of the database in the message")

    monkeypatch.setitem(health.CHECKS, "database", broken)
    monkeypatch.setitem(health.CHECKS, "migrations", lambda: "pending")
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json() == {
        "status": "unavailable",
        "checks": {
            "database": "unavailable",
            "migrations": "pending",
            "cache": "ok",
            "broker": "ok",
        },
    }


def test_unreachable_broker_is_noticed(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = functools.partial(app.connection_for_write, "redis://127.0.0.1:1/0")
    monkeypatch.setattr(app, "connection_for_write", nobody)
    assert health.result_of(health.CHECKS["broker"]) == "unavailable"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"REMOTE_ADDR": "::1"}, 200),
        ({"REMOTE_ADDR": "10.0.0.7"}, 403),
        ({"REMOTE_ADDR": ""}, 403),
        # A proxy on this machine speaks for somebody elsewhere.
        ({"HTTP_X_FORWARDED_FOR": "10.0.0.7"}, 403),
    ],
)
def test_metrics_without_a_token_are_for_this_machine(
    client: Client, db: None, headers: dict[str, Any], status: int
) -> None:
    assert client.get("/metrics", **headers).status_code == status


@pytest.mark.parametrize(
    ("authorization", "status"),
    [("Bearer right", 200), ("Bearer wrong", 403), ("Basic right", 403), ("", 403)],
)
def test_metrics_with_a_token(
    client: Client, db: None, settings: Settings, authorization: str, status: int
) -> None:
    settings.METRICS_TOKEN = "right"
    response = client.get("/metrics", HTTP_AUTHORIZATION=authorization, REMOTE_ADDR="10.0.0.7")
    assert response.status_code == status
    assert (b"django_http_requests_total" in response.content) is (status == 200)


def test_monitoring_needs_no_host_name(client: Client, db: None) -> None:
    assert client.get("/healthz", HTTP_HOST="10.0.0.7:8000").status_code == 200
    assert client.get("/accounts/login/", HTTP_HOST="10.0.0.7:8000").status_code == 400
