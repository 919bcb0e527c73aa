"""A real Chromium against a real server: what a person sees and does."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright
from pytest_django.live_server_helper import LiveServer

from loyalty_admin.staff.models import User
from tests.factories.staff import PASSWORD

NAMES = ("chromium", "chromium-browser", "google-chrome")
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)

EXPECTED = ("422", "409", "AbortError")
"""What the console may say in any test: refusals, and previews overtaken by newer ones."""


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests of a worker. A machine without it fails, it does not skip."""
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if not path:
        pytest.fail("Chromium is missing; scripts/ensure-chromium installs it or says how.")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=list(QUIET))
        yield chromium
        chromium.close()


@pytest.fixture
def expected() -> list[str]:
    """Parts of console errors that are what a test is about; it adds its own."""
    return [*EXPECTED]


@pytest.fixture
def page(browser: Browser, live_server: LiveServer, expected: list[str]) -> Iterator[Page]:
    """A fresh window of 1440 × 900; a script error or a refused resource fails the test."""
    context = browser.new_context(
        base_url=live_server.url,
        viewport={"width": 1440, "height": 900},
        permissions=["clipboard-read", "clipboard-write"],
    )
    context.set_default_timeout(15_000)
    expect.set_options(timeout=15_000)
    problems: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type == "error" and not any(part in message.text for part in expected):
            problems.append(f"{message.text} ({message.location.get('url')})")

    context.on("weberror", lambda error: problems.append(str(error.error)))
    context.on("console", hear)
    yield context.new_page()
    context.close()
    assert not problems, problems


@pytest.fixture
def come_in(page: Page, live_server: LiveServer) -> Callable[[User], None]:
    """Signs in without typing: for whatever is not about the sign-in."""

    def enter(user: User) -> None:
        client, name = Client(), settings.SESSION_COOKIE_NAME
        client.force_login(user)
        key = client.cookies[name].value
        page.context.add_cookies([{"name": name, "value": key, "url": live_server.url}])

    return enter


def sign_in(page: Page, user: User) -> None:
    """Sign in as a person does."""
    page.goto("/accounts/login/")
    page.locator("input[name=login]").fill(user.email)
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("input[name=password]").press("Enter")
    page.wait_for_url("**/customers/")
