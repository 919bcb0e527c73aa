"""One's own sign-in: its address is fixed, and every change to it is in the audit log."""

from __future__ import annotations

import re

import pytest
from allauth.mfa.totp.internal.auth import (
    format_hotp_value,
    hotp_value,
    yield_hotp_counters_from_time,
)
from django.core import mail
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from activity.models import AuditRecord
from loyalty_admin.staff.models import User
from tests.factories import UserFactory
from tests.factories.staff import PASSWORD

NEW = "a-very-new-passphrase"


@pytest.fixture
def marta(transactional_db: None, client: Client) -> User:
    """Signed in; allauth tells of second factors once its transaction is through."""
    cache.clear()
    user: User = UserFactory(email="marta@example.com", name="Marta")
    client.post("/accounts/login/", {"login": user.email, "password": PASSWORD})
    return user


def recorded() -> list[tuple[str, object]]:
    """The verbs of the audit log and what the records say of the factor, oldest first."""
    records = AuditRecord.objects.order_by("pk")
    return [(record.verb, (record.after or record.before or {}).get("type")) for record in records]


@pytest.mark.parametrize("path", ["email/", "confirm-email/", "confirm-email/abc/"])
def test_nobody_changes_their_own_address(client: Client, marta: User, path: str) -> None:
    sent = {"action_add": "", "email": "new@example.com"}

    assert client.get(f"/accounts/{path}").status_code == 404
    assert client.post(f"/accounts/{path}", sent).status_code == 404
    marta.refresh_from_db()
    assert marta.email == "marta@example.com"


def test_a_new_password_is_recorded(client: Client, marta: User) -> None:
    sent = {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}
    client.post(reverse("account_change_password"), sent)

    record = AuditRecord.objects.get()
    assert (record.verb, record.object_id) == ("user.password_changed", marta.pk)
    assert (record.actor_label, record.ip) == ("Marta", "127.0.0.1")


def test_a_reset_password_is_recorded_as_its_owners(client: Client, marta: User) -> None:
    client.logout()
    client.post(reverse("account_reset_password"), {"email": marta.email})
    found = re.search(r"http://testserver(\S+)", str(mail.outbox[0].body))
    assert found
    form = client.get(found[1])["Location"]
    client.post(form, {"password1": NEW, "password2": NEW})

    record = AuditRecord.objects.get()
    assert (record.verb, record.actor_user_id) == ("user.password_reset", marta.pk)


def test_second_factors_are_recorded(client: Client, marta: User) -> None:
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    secret = client.get(reverse("mfa_activate_totp")).context["form"].secret
    code = format_hotp_value(hotp_value(secret, next(yield_hotp_counters_from_time())))
    client.post(reverse("mfa_activate_totp"), {"code": code})
    client.post(reverse("mfa_generate_recovery_codes"))
    client.post(reverse("mfa_deactivate_totp"))

    assert sorted(recorded()[:2]) == [
        ("user.second_factor_added", "recovery_codes"),
        ("user.second_factor_added", "totp"),
    ]
    assert recorded()[2:] == [
        ("user.second_factor_renewed", "recovery_codes"),
        ("user.second_factor_removed", "totp"),
        ("user.second_factor_removed", "recovery_codes"),
    ]
    assert secret not in str(list(AuditRecord.objects.values()))
