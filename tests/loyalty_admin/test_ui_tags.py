"""Icons, numbers, money and time as the user reads them; navigation and theme."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.http import HttpRequest
from django.template import Context, Template
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone, translation

from loyalty_admin.common import navigation
from loyalty_admin.common.actor import Actor, ActorKind
from loyalty_admin.common.navigation import Group, NavItem, navigation_for
from loyalty_admin.common.templatetags import ui

MADRID = ZoneInfo("Europe/Madrid")
NOW = dt.datetime(2026, 11, 22, 18, 30, tzinfo=MADRID)


def _render(source: str, **context: object) -> str:
    return Template("{% load ui %}" + source).render(Context(context))


@pytest.mark.parametrize(
    ("language", "source", "expected"),
    [
        ("en", "{{ 1240|units }}", "1,240"),
        ("es", "{{ 12400|units }}", "12.400"),
        ("en", "{{ 40|signed }}", "+40"),
        ("en", "{{ change|signed }}", "\u22121,240"),
        ("en", "{{ 0|signed }}", "0"),
        ("en", "{{ nothing|units }} {{ nothing|signed }} {{ nothing|money:'EUR' }}", "– – –"),
        ("en", "{{ word|units }}", "–"),
        ("en", "{{ price|money:'EUR' }}", "\u2212€62.40"),
        ("es", "{{ price|money:'EUR' }}", "\u221262,40\xa0€"),
        ("en", "{{ 1000|money:'JPY' }}", "JP¥1,000"),
    ],
)
def test_numbers_follow_the_language(language: str, source: str, expected: str) -> None:
    with translation.override(language):
        context = {"change": -1240, "price": Decimal("-62.40"), "nothing": None, "word": "many"}
        assert _render(source, **context) == expected


@pytest.mark.parametrize(
    ("ago", "style", "expected"),
    [
        (dt.timedelta(seconds=5), "relative", "just now"),
        (dt.timedelta(hours=3), "relative", "3 hours ago"),
        (dt.timedelta(hours=30), "relative", "1 day ago"),
        (dt.timedelta(days=2), "relative", "2 days ago"),
        (dt.timedelta(days=13, hours=20), "relative", "13 days ago"),
        (dt.timedelta(days=-3), "relative", "in 3 days"),
        (dt.timedelta(days=40), "relative", "13 Oct"),
        (dt.timedelta(days=400), "relative", "18 Oct 2025"),
        (dt.timedelta(hours=1), "time", "17:30"),
        (dt.timedelta(hours=1), "date", "22 Nov"),
        (dt.timedelta(hours=1), "datetime", "22 Nov, 17:30"),
    ],
)
def test_time_is_told_in_words_with_the_exact_time_on_hover(
    ago: dt.timedelta, style: str, expected: str
) -> None:
    with time_machine.travel(NOW, tick=False), timezone.override(MADRID):
        html = _render("{% when at style %}", at=NOW - ago, style=style)
    assert f">{expected}</time>" in html
    assert 'title="' in html
    assert 'datetime="202' in html


def test_time_that_is_missing_or_only_a_date() -> None:
    assert _render("{% when at %}", at=None) == "–"
    with time_machine.travel(NOW, tick=False):
        html = _render("{% when at %}", at=dt.date(2027, 1, 4))
    assert html == '<time datetime="2027-01-04">4 Jan 2027</time>'


@pytest.mark.parametrize(
    ("language", "day", "expected"),
    [
        ("en", dt.date(2026, 11, 22), "Today"),
        ("en", dt.date(2026, 11, 21), "Yesterday"),
        ("en", dt.date(2026, 11, 19), "Thursday 19 November"),
        ("es", dt.date(2026, 11, 19), "Jueves 19 de noviembre"),
        ("en", dt.datetime(2026, 11, 21, 23, 30, tzinfo=dt.UTC), "Today"),
    ],
)
def test_day_headings(language: str, day: dt.date, expected: str) -> None:
    with (
        time_machine.travel(NOW, tick=False),
        timezone.override(MADRID),
        translation.override(language),
    ):
        assert _render("{% day_heading day %}", day=day) == expected


def test_an_icon_is_decoration_unless_it_has_a_name() -> None:
    assert 'aria-hidden="true"' in ui.icon("plus")
    named = ui.icon("x", 'Close "this" & that <b>')
    assert 'role="img"' in named
    assert "aria-hidden" not in named
    assert "<b>" not in named


@pytest.mark.parametrize(
    ("agent", "expected"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64) Chrome/156.0 Safari/537.36", "Chrome, Linux"),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/156.0 Safari/537.36 Edg/156.0", "Edge, Windows"),
        ("Mozilla/5.0 (iPhone; CPU like Mac OS X) Version/26 Safari/604", "Safari, iPhone"),
        ("curl/8.0", "curl/8.0"),
    ],
)
def test_browsers_are_named(agent: str, expected: str) -> None:
    assert ui.browser(agent) == expected


@pytest.fixture
def items(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(navigation, "_items", {})
    navigation.register(NavItem(Group.INSIGHT, "Look", "styleguide", "eye", "audit.view"))
    navigation.register(NavItem(Group.SERVICE, "Later", "appearance", "sun", "customers.view", 2))
    navigation.register(
        NavItem(Group.SERVICE, "Ready", "account_login", "check", "customers.view", 1)
    )


def _request(path: str, *permissions: str) -> HttpRequest:
    request = RequestFactory().get(path)
    actor = Actor(kind=ActorKind.STAFF, label="Marta", permissions=frozenset(permissions))
    request.actor = actor  # type: ignore[attr-defined]
    return request


@pytest.mark.usefixtures("items")
def test_navigation_shows_what_the_actor_may_open_in_order() -> None:
    groups = navigation_for(_request("/", "customers.view"))
    assert [[link.label for link in group.links] for group in groups] == [["Ready", "Later"]]
    both = navigation_for(_request("/", "customers.view", "audit.view"))
    assert [len(group.links) for group in both] == [2, 1]
    assert navigation_for(_request("/")) == []
    assert navigation_for(RequestFactory().get("/")) == []


@pytest.mark.usefixtures("items")
def test_navigation_marks_the_section() -> None:
    path = reverse("styleguide-dialog", args=["adjust"])
    groups = navigation_for(_request(path, "customers.view", "audit.view"))
    assert [link.label for group in groups for link in group.links if link.current] == ["Look"]


def test_the_theme_is_remembered_and_leads_back(client: Client) -> None:
    answer = client.post(reverse("appearance"), {"theme": "dark", "next": "/accounts/login/"})
    assert answer.headers["Location"] == "/accounts/login/"
    assert client.cookies["theme"].value == "dark"


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", ""])
def test_the_theme_leads_nowhere_else_and_takes_no_nonsense(client: Client, target: str) -> None:
    answer = client.post(reverse("appearance"), {"theme": "pink", "next": target})
    assert answer.headers["Location"] == "/"
    assert "theme" not in client.cookies
    assert client.get(reverse("appearance")).status_code == 405
