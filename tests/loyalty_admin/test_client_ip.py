"""Where a request came from: the caller's address, never one that it made up."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client, RequestFactory

from activity.models import AuditRecord
from loyalty_admin.common.client_ip import client_ip
from loyalty_admin.staff.api import KeyAuth
from loyalty_admin.staff.models import ApiKey
from tests.factories import UserFactory

PROXY = "10.0.0.1"


@pytest.mark.parametrize(
    ("behind_proxy", "remote", "forwarded", "expected"),
    [
        (False, "203.0.113.9", "198.51.100.7", "203.0.113.9"),
        (True, PROXY, "198.51.100.7", "198.51.100.7"),
        (True, PROXY, "made up, 192.0.2.1, 198.51.100.7", "198.51.100.7"),
        (True, PROXY, "2001:db8::7", "2001:db8::7"),
        (True, PROXY, "", PROXY),
        (True, PROXY, "unknown", None),
        (False, "fe80::1%eth0", "", "fe80::1"),
        (False, "", "", None),
    ],
)
def test_the_address_is_the_one_that_the_proxy_saw(
    settings: Any, behind_proxy: bool, remote: str, forwarded: str, expected: str | None
) -> None:
    settings.BEHIND_TLS_PROXY = behind_proxy
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    request = RequestFactory().get("/", REMOTE_ADDR=remote, headers=headers)

    assert client_ip(request) == expected


@pytest.mark.django_db
def test_the_audit_log_names_the_caller_behind_the_proxy(client: Client, settings: Any) -> None:
    settings.BEHIND_TLS_PROXY = True
    client.force_login(UserFactory(lead=True))

    client.post(
        "/audit/export/", REMOTE_ADDR=PROXY, headers={"X-Forwarded-For": "1.1.1.1, 198.51.100.7"}
    )

    assert AuditRecord.objects.get().ip == "198.51.100.7"


@pytest.mark.django_db
def test_a_till_behind_the_proxy_is_named_too(settings: Any) -> None:
    settings.BEHIND_TLS_PROXY = True
    token, prefix, digest = ApiKey.new_secret()
    ApiKey.objects.create(name="Till", prefix=prefix, digest=digest, scopes=[])
    request = RequestFactory().get(
        "/", REMOTE_ADDR=PROXY, headers={"X-Forwarded-For": "198.51.100.7"}
    )

    actor = KeyAuth().authenticate(request, token)

    assert actor is not None
    assert actor.ip == "198.51.100.7"
