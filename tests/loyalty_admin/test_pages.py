"""The pages that are nobody's own: style guide, account pages, error pages, the shell."""

from __future__ import annotations

import pytest
from django.contrib.messages import constants
from django.contrib.messages.storage.base import Message
from django.core.cache import cache
from django.template.loader import render_to_string
from django.test import Client, RequestFactory
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries, Settings

from tests.factories.staff import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def _forget_attempts() -> None:
    """Sign-in attempts are counted in the cache, across tests."""
    cache.clear()


@pytest.fixture
def signed_in(client: Client) -> Client:
    client.force_login(UserFactory.create(email="marta@example.com", name="Marta"))
    return client


def test_style_guide_shows_itself_only_in_debug(signed_in: Client, settings: Settings) -> None:
    settings.DEBUG = True
    page = signed_in.get(reverse("styleguide"))
    assert page.status_code == 200
    assert "Marta · Support agent" in page.content.decode()
    settings.DEBUG = False
    assert signed_in.get(reverse("styleguide")).status_code == 404
    assert signed_in.get(reverse("styleguide-dialog", args=["adjust"])).status_code == 404


def test_a_dialog_is_a_page_and_a_fragment(signed_in: Client, settings: Settings) -> None:
    settings.DEBUG = True
    url = reverse("styleguide-dialog", args=["adjust"])
    assert "<html" in signed_in.get(url).content.decode()
    fragment = signed_in.get(url, headers=HTMX).content.decode()
    assert "<html" not in fragment
    assert fragment.lstrip().startswith("<dialog")


def test_an_invalid_form_says_it_beside_the_field(signed_in: Client, settings: Settings) -> None:
    settings.DEBUG = True
    url = reverse("styleguide-dialog", args=["adjust"])
    answer = signed_in.post(url, {"amount": "12", "note": ""}, headers=HTMX)
    html = answer.content.decode()
    assert answer.status_code == 422
    assert 'aria-describedby="dialog_note_helptext dialog_note_error"' in html
    assert 'id="dialog_note_error"' in html
    assert 'value="12"' in html


def test_what_was_done_is_said_with_its_undo(signed_in: Client, settings: Settings) -> None:
    settings.DEBUG = True
    fragment = signed_in.post(reverse("styleguide"), headers=HTMX).content.decode()
    assert '<hx-partial hx-target="#toasts" hx-swap="beforeend">' in fragment
    assert 'action="/styleguide/"' in fragment
    assert "csrfmiddlewaretoken" in fragment


@pytest.mark.parametrize(
    ("level", "tone"),
    [
        (constants.SUCCESS, "ok"),
        (constants.INFO, "info"),
        (constants.WARNING, "warn"),
        (constants.ERROR, "bad"),
    ],
)
def test_waiting_messages_become_toasts(level: int, tone: str) -> None:
    html = render_to_string(
        "components/toasts.html",
        {"messages": [Message(level, "Points <b>adjusted</b>", extra_tags="/undo/")]},
        RequestFactory().get("/"),
    )
    assert f'class="toast toast--{tone}"' in html
    assert 'action="/undo/"' in html
    assert "&lt;b&gt;" in html


@pytest.mark.parametrize(
    "name",
    ["mfa_index", "usersessions_list", "account_change_password", "account_logout"],
)
def test_account_pages_stand_in_the_shell(signed_in: Client, name: str) -> None:
    page = signed_in.get(reverse(name), follow=True)
    html = page.content.decode()
    assert page.status_code == 200
    assert 'class="shell"' in html
    assert html.count("<h1") == 1


@pytest.mark.parametrize("name", ["account_login", "account_reset_password", "account_signup"])
def test_strangers_get_one_card_without_navigation(client: Client, name: str) -> None:
    page = client.get(reverse(name))
    html = page.content.decode()
    assert page.status_code == 200
    assert 'class="entrance__card"' in html
    assert 'id="nav"' not in html
    assert html.count("<h1") == 1


def test_two_factor_can_be_set_up(client: Client) -> None:
    user = UserFactory.create(email="marta@example.com")
    client.post(reverse("account_login"), {"login": user.email, "password": PASSWORD})
    asked = client.get(reverse("mfa_activate_totp"), follow=True)
    assert "Is it still you?" in asked.content.decode()
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    html = client.get(reverse("mfa_activate_totp")).content.decode()
    assert 'src="data:image/svg+xml' in html
    assert "data-copy=" in html
    wrong = client.post(reverse("mfa_activate_totp"), {"code": "000000"}).content.decode()
    assert 'id="id_code_error"' in wrong


def test_a_wrong_password_is_told_and_too_many_are_refused(client: Client) -> None:
    def attempt() -> str:
        data = {"login": "nobody@example.com", "password": "wrong"}
        return client.post(reverse("account_login"), data).content.decode()

    assert "are not correct" in attempt()
    assert "Too many failed login attempts" in [attempt() for _ in range(6)][-1]


@pytest.mark.parametrize("name", ["400", "403", "403_csrf", "404", "429", "500"])
def test_error_pages_need_no_request_and_no_database(
    name: str, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(0):
        html = render_to_string(f"{name}.html")
    assert '<main class="entrance__card"' in html
    assert "<h1>" in html


def test_a_refused_form_says_that_it_is_stale() -> None:
    strict = Client(enforce_csrf_checks=True)
    answer = strict.post(reverse("account_login"), {"login": "a@example.com"})
    assert answer.status_code == 403
    assert "data-csrf-failure" in answer.content.decode()


def test_no_page_needs_inline_script_or_style(signed_in: Client, settings: Settings) -> None:
    settings.DEBUG = True
    html = signed_in.get(reverse("styleguide")).content.decode()
    assert " style=" not in html
    assert "<style" not in html
    assert " onclick=" not in html
    assert html.count("<script") == html.count("<script src=") + html.count(
        '<script type="module" src='
    )
