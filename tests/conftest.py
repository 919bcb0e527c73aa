"""What all tests share: the servers, the settings' environment, and a store to test with.

Imported before Django's settings: pytest's controller starts one PostgreSQL and one Valkey, its
workers find them in the environment and keep to a database of their own.
"""

from __future__ import annotations

import os

import django

from loyalty_admin import embedded


def _prepare_environment() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "loyalty_admin.settings"
    os.environ["DEBUG"] = "true"
    os.environ["LOG_LEVEL"] = "ERROR"
    # A slow hash guards real passwords; here it would only slow every sign-in down.
    os.environ["PASSWORD_HASHER"] = "django.contrib.auth.hashers.MD5PasswordHasher"
    # Playwright's event loop runs in the thread of the test that uses the ORM.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    base = embedded.home() / "test"
    if not os.environ.get("DATABASE_URL"):
        os.environ["DATABASE_URL"] = embedded.ensure_postgres(base, throwaway=True)
    if not os.environ.get("REDIS_URL"):
        os.environ["REDIS_URL"] = embedded.ensure_valkey(base)
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    os.environ["CACHE_KEY_PREFIX"] = f"test-{worker}"
    if worker and os.environ["REDIS_URL"].endswith("?db=0"):
        number = int(worker.removeprefix("gw")) + 1
        os.environ["REDIS_URL"] = os.environ["REDIS_URL"].replace("?db=0", f"?db={number}")


_prepare_environment()
django.setup()  # test modules import models while they are collected
# A worker that inherited this would read the settings before it has come to its own cache.
del os.environ["DJANGO_SETTINGS_MODULE"]
