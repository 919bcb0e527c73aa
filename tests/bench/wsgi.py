"""The application that the bench serves: the product, and the floors with and without its stack.

Below /plain/ the same URLs answer behind nothing but what Django's own startproject puts in front
of a view: the strictest floor that still knows who is signed in.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from django.core.handlers.wsgi import WSGIHandler
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.bench.settings")

PLAIN = "/plain"
STARTPROJECT = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

_product = get_wsgi_application()


def _plain_application() -> WSGIHandler:
    from django.test import override_settings

    with override_settings(MIDDLEWARE=STARTPROJECT):
        return WSGIHandler()


_plain = _plain_application()


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Send a request to the product, or to the plain stack."""
    path = environ["PATH_INFO"]
    if path.startswith(f"{PLAIN}/"):
        return _plain(environ | {"PATH_INFO": path.removeprefix(PLAIN)}, start_response)
    return _product(environ, start_response)
