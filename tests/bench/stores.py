"""Databases that hold a store of a known size: made once, taken again while they still fit."""

from __future__ import annotations

import hashlib
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

ROOT = Path(__file__).resolve().parents[2]


def name_of(size: int) -> str:
    """The name of the database with so many customers."""
    return f"loyalty_bench_{size}"


def address_of(server: str, size: int) -> str:
    """The address of that database on the server."""
    return make_conninfo(server, dbname=name_of(size))


def fingerprint() -> str:
    """What a store is made of: the schema and the code that fills it."""
    sources = [
        *ROOT.glob("*/migrations/*.py"),
        *ROOT.glob("loyalty_admin/*/migrations/*.py"),
        ROOT / "tests/bench/population.py",
        ROOT / "tests/bench/history.py",
    ]
    digest = hashlib.sha256()
    for path in sorted(sources):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def is_ready(server: str, size: int) -> bool:
    """Whether the database is there, filled to its end by this very code."""
    with psycopg.connect(server, autocommit=True) as connection:
        row = connection.execute(
            "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s",
            [name_of(size)],
        ).fetchone()
    return row is not None and row[0] == fingerprint()


def make_empty(server: str, size: int) -> None:
    """Make the database anew, without anything in it."""
    name = sql.Identifier(name_of(size))
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
        connection.execute(sql.SQL("CREATE DATABASE {}").format(name))


def mark_ready(server: str, size: int) -> None:
    """Say that the database is filled to its end, and by what code."""
    statement = sql.SQL("COMMENT ON DATABASE {} IS {}").format(
        sql.Identifier(name_of(size)), sql.Literal(fingerprint())
    )
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(statement)


def described(server: str) -> str:
    """The server in words, without its password."""
    parts = conninfo_to_dict(server)
    return f"{parts.get('host', 'localhost')}:{parts.get('port', 5432)}"
