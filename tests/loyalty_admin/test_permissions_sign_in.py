"""Coming in: throttled, by invitation, with a second factor and a list of one's sessions."""

from __future__ import annotations

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from loyalty_admin.staff.models import User
from tests.factories import UserFactory
from tests.factories.staff import PASSWORD

pytestmark = pytest.mark.django_db

SIGN_IN = "/accounts/login/"


@pytest.fixture(autouse=True)
def _forget_attempts() -> None:
    """Attempts are counted in the cache, across tests."""
    cache.clear()


@pytest.fixture
def marta() -> User:
    user: User = UserFactory(email="marta@example.com", name="Marta")
    return user


def sign_in(client: Client, password: str = PASSWORD, email: str = "marta@example.com") -> int:
    """The status that the sign-in form answers."""
    return client.post(SIGN_IN, {"login": email, "password": password}).status_code


def test_the_right_password_opens_the_console(client: Client, marta: User) -> None:
    assert sign_in(client) == 302

    assert client.session["_auth_user_id"] == str(marta.pk)


def test_the_address_is_known_in_any_case(client: Client, marta: User) -> None:
    assert sign_in(client, email="MARTA@Example.COM") == 302


def test_guessing_is_throttled_even_once_the_guess_is_right(client: Client, marta: User) -> None:
    answers = [sign_in(client, f"guess {number}") for number in range(5)]
    assert answers == [200] * 5

    assert sign_in(client) != 302
    assert "_auth_user_id" not in client.session


def test_one_address_cannot_try_many_people(client: Client) -> None:
    for number in range(11):
        UserFactory(email=f"p{number}@example.com")
    for number in range(10):
        sign_in(client, "password1", f"p{number}@example.com")

    assert sign_in(client, PASSWORD, "p10@example.com") != 302
    assert "_auth_user_id" not in client.session


def test_an_unknown_address_is_answered_like_a_wrong_password(client: Client, marta: User) -> None:
    wrong = client.post(SIGN_IN, {"login": "marta@example.com", "password": "wrong"})
    unknown = client.post(SIGN_IN, {"login": "nobody@example.com", "password": "wrong"})

    errors = [answer.context["form"].errors for answer in (wrong, unknown)]
    assert errors[0] == errors[1]
    assert wrong.status_code == unknown.status_code


def test_who_was_deactivated_does_not_come_in(client: Client, marta: User) -> None:
    User.objects.filter(pk=marta.pk).update(is_active=False)

    sign_in(client)

    assert "_auth_user_id" not in client.session
    assert client.get("/customers/").status_code == 302


def test_nobody_can_sign_up(client: Client) -> None:
    url = reverse("account_signup")
    sent = {"email": "new@example.com", "password1": PASSWORD, "password2": PASSWORD}

    for response in (client.get(url), client.post(url, sent)):
        assert response.status_code in {200, 302, 403}
        assert 'name="password1"' not in response.text
    assert not User.objects.exists()


def test_the_sign_in_leads_nowhere_else(client: Client, marta: User) -> None:
    sent = {"login": marta.email, "password": PASSWORD, "next": "https://elsewhere.example/"}

    response = client.post(SIGN_IN, sent)

    assert response["Location"] == "/"


def test_a_second_factor_can_be_set_up_and_sessions_seen(client: Client, marta: User) -> None:
    sign_in(client)

    assert client.get(reverse("mfa_index")).status_code == 200
    asked = client.get(reverse("mfa_activate_totp"))
    assert asked["Location"].startswith(reverse("account_reauthenticate"))
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    assert client.get(reverse("mfa_activate_totp")).status_code == 200
    sessions = client.get(reverse("usersessions_list"))
    assert sessions.status_code == 200
    assert "127.0.0.1" in sessions.text


@pytest.mark.parametrize("name", ["mfa_index", "usersessions_list", "account_change_password"])
def test_account_pages_are_for_who_is_signed_in(client: Client, name: str) -> None:
    response = client.get(reverse(name))

    assert response.status_code == 302
    assert response["Location"].startswith(SIGN_IN)
