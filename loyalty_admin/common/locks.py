"""Locks on names: for what has no row yet that could be locked."""

from __future__ import annotations

from django.db import connection


def lock_name(name: str) -> None:
    """Wait for whoever holds this name, and hold it until the end of the transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])
