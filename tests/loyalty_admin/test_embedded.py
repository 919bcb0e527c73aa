"""The embedded servers: shared, kept while used, none left over, no harm from a kill."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from loyalty_admin import embedded

USE = """
import sys, psycopg, redis
from loyalty_admin import embedded
postgres, valkey = embedded.ensure_postgres(), embedded.ensure_valkey()
with psycopg.connect(postgres) as database:
    database.execute("SELECT pg_advisory_xact_lock(1)")
    database.execute("CREATE TABLE IF NOT EXISTS seen (at timestamptz DEFAULT now())")
    database.execute("INSERT INTO seen DEFAULT VALUES")
    print(database.execute("SELECT count(*) FROM seen").fetchone()[0], end=" ")
print(redis.from_url(valkey).incr("seen"), flush=True)
sys.stdin.readline()
"""


class Machine:
    """A directory for servers, and the processes that use them."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.processes: list[subprocess.Popen[str]] = []

    def use(self) -> subprocess.Popen[str]:
        """A process that uses the servers until it is told a line."""
        environment = os.environ | {"LOYALTY_LOCAL_DIR": str(self.directory)}
        process = subprocess.Popen(
            [sys.executable, "-c", USE],
            cwd=embedded.ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.processes.append(process)
        return process

    def servers(self) -> set[int]:
        """The processes that serve this directory."""
        found = set()
        for place in Path("/proc").glob("[0-9]*/cwd"):
            try:
                if place.resolve(strict=True).is_relative_to(self.directory):
                    found.add(int(place.parent.name))
            except OSError:
                continue  # it ended meanwhile
        return found

    def kill_servers(self) -> None:
        """What a power cut does."""
        deadline = time.monotonic() + 10
        while (servers := self.servers()) and time.monotonic() < deadline:
            for server in servers:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(server, signal.SIGKILL)
            time.sleep(0.05)


def seen(process: subprocess.Popen[str]) -> list[int]:
    """What a process counted: the rows and the key that all processes before it left."""
    assert process.stdout
    return [int(number) for number in process.stdout.readline().split()]


def finish(process: subprocess.Popen[str]) -> None:
    process.communicate("\n", timeout=30)
    assert process.returncode == 0


@pytest.fixture
def machine() -> Iterator[Machine]:
    # Nobody else may look into it: as root, the account of the server has to get in all the same.
    directory = Path(tempfile.mkdtemp(prefix="loyalty-"))
    machine = Machine(directory)
    yield machine
    for process in machine.processes:
        process.kill()
        process.communicate()
    machine.kill_servers()
    shutil.rmtree(directory, ignore_errors=True)


def test_two_that_start_at_once_share_and_the_last_one_stops(machine: Machine) -> None:
    first, second = machine.use(), machine.use()
    assert sorted([seen(first), seen(second)]) in ([[1, 1], [2, 2]], [[1, 2], [2, 1]])
    finish(first)
    assert machine.servers(), "the second process still uses them"
    finish(second)
    assert not machine.servers()

    third = machine.use()
    assert seen(third) == [3, 3], "what was stored is still there"


def test_a_killed_process_leaves_nothing_that_hurts_the_next(machine: Machine) -> None:
    first = machine.use()
    seen(first)
    first.kill()
    first.wait()
    second = machine.use()
    assert seen(second) == [2, 2]
    finish(second)
    assert not machine.servers()


def test_killed_servers_come_back_although_another_process_has_their_number(
    machine: Machine,
) -> None:
    first = machine.use()
    seen(first)
    pid_file = machine.directory / "postgres/data/postmaster.pid"
    lines = pid_file.read_text().split("\n")
    machine.kill_servers()
    first.kill()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]))

    second = machine.use()
    assert seen(second)[0] == 2


def test_a_cluster_cut_short_is_made_anew(machine: Machine) -> None:
    (machine.directory / "postgres/data.new/base").mkdir(parents=True)
    (machine.directory / "postgres/data").mkdir()
    assert seen(machine.use()) == [1, 1]


def test_the_application_is_no_superuser_and_letters_are_letters(machine: Machine) -> None:
    process = machine.use()
    seen(process)
    url = (
        "postgresql://loyalty@"
        + str(machine.directory / "postgres/socket").replace("/", "%2F")
        + "/loyalty"
    )
    with psycopg.connect(url) as database:
        assert database.execute("SHOW is_superuser").fetchone() == ("off",)
        database.execute("CREATE EXTENSION pg_trgm")
        found = database.execute("SELECT similarity('ñandú', 'ÑANDÚ')").fetchone()
    assert found == (1.0,), "trigrams must see letters beyond ASCII"


def test_a_path_too_long_for_a_socket(machine: Machine) -> None:
    machine.directory = machine.directory / ("long" * 25)
    process = machine.use()
    assert seen(process) == [1, 1]
    finish(process)
    assert not machine.servers()
