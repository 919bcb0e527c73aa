"""The product behind gunicorn with two workers, and one client with one connection."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from time import monotonic, sleep

from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import Client

from loyalty_admin.demo import check, free_port, running
from loyalty_admin.staff.models import User
from loyalty_admin.staff.permissions import Role

START_SECONDS = 60.0


def bench_user() -> User:
    """The team lead who does everything here."""
    user = get_user_model().objects.filter(email="bench@example.com").first()
    return user or User.objects.create_user("bench@example.com", name="Bench", role=Role.LEAD)


def signed_in_client() -> Client:
    """A test client in this process, signed in."""
    client = Client(SERVER_NAME="localhost")
    client.force_login(bench_user())
    return client


class Browser:
    """One connection that stays open, signed in, and takes compressed pages as browsers do."""

    def __init__(self, port: int) -> None:
        cookies = signed_in_client().cookies.values()
        self.headers = {
            "Cookie": "; ".join(f"{cookie.key}={cookie.value}" for cookie in cookies),
            "Accept": "text/html",
            "Accept-Encoding": "gzip",
        }
        self.connection = HTTPConnection("127.0.0.1", port, timeout=60)

    def get(self, path: str, *, expect: int = 200, fragment: bool = False) -> int:
        """Load a page and answer its size in bytes. Raises AssertionError for another status."""
        headers = self.headers | ({"HX-Request": "true"} if fragment else {})
        self.connection.request("GET", path, headers=headers)
        response = self.connection.getresponse()
        body = response.read()
        if response.status != expect:
            raise AssertionError(f"{path} answered {response.status}, not {expect}: {body[:500]!r}")
        return len(body)


@contextmanager
def served() -> Iterator[Browser]:
    """A browser at the product as production runs it."""
    call_command("collectstatic", interactive=False, verbosity=0)
    port = free_port(8900)
    gunicorn = [sys.executable, "-m", "gunicorn", "--config", "python:loyalty_admin.serving"]
    gunicorn += ["--workers", "2", "--max-requests", "0", "--keep-alive", "120"]
    gunicorn += ["--bind", f"127.0.0.1:{port}", "tests.bench.wsgi"]
    with running({"bench-web": gunicorn}) as children:
        browser = Browser(port)
        deadline = monotonic() + START_SECONDS
        while True:
            check(children)
            try:
                browser.get("/bench/empty/")
                break
            except (OSError, HTTPException):
                browser.connection.close()
                if monotonic() > deadline:
                    raise
                sleep(0.1)
        yield browser
