"""The whole product on one machine: `make demo`.

Starts the servers it needs, migrates, loads the demo's data once, serves web, worker and beat,
and stops all of it together.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import NoReturn

import django
from django.conf import settings
from django.core.management import call_command, get_commands

from loyalty_admin.embedded import ROOT, EmbeddedServerError, home

FIRST_PORT = 8000
START_SECONDS = 60.0
STOP_SECONDS = 15.0
PR_SET_PDEATHSIG = 1  # from linux/prctl.h


class DemoError(RuntimeError):
    """The demo cannot go on; the message says why."""


def main() -> None:
    """Serve until Ctrl-C, a SIGTERM, or the end of one of the parts."""
    os.environ["DEBUG"] = "true"  # it serves plain HTTP, whatever an .env file is for
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "loyalty_admin.settings")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    try:
        print("Starting PostgreSQL and Valkey ...", flush=True)
        django.setup()
        print("Migrating ...", flush=True)
        call_command("migrate", verbosity=0)
        if "load_demo" in get_commands():
            call_command("load_demo")
        _serve()
    except (DemoError, EmbeddedServerError) as error:
        sys.exit(f"The demo stopped: {error}")


def sign_ins() -> str:
    """The demo's sign-ins as lines to print."""
    return "\n".join(
        f"  {role:<14} {email:<22} {password}" for role, email, password in settings.DEMO_SIGN_INS
    )


def free_port(first: int = FIRST_PORT) -> int:
    """The first port from `first` on that nobody listens to."""
    for port in range(first, first + 100):
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port
    raise DemoError(f"the ports {first} to {first + 99} are all taken; set PORT.")


def _leave(_number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(0)


def _serve() -> None:
    port = free_port(int(os.environ.get("PORT") or FIRST_PORT))
    with running(_commands(port)) as children:
        address = f"http://127.0.0.1:{port}/"
        _wait_for(f"{address}healthz", children)
        print(f"\nLoyalty Admin is at {address}\n\n{sign_ins()}\n", flush=True)
        print(f"Logs are in {_logs()}. Ctrl-C stops everything.", flush=True)
        while True:
            check(children)
            time.sleep(1)


def _commands(port: int) -> dict[str, list[str]]:
    python = [sys.executable, "-m"]
    gunicorn = [*python, "gunicorn", "--config", "python:loyalty_admin.serving"]
    celery = [*python, "celery", "--app", "loyalty_admin"]
    schedule = str(home() / "celerybeat-schedule")
    return {
        "web": [*gunicorn, "--bind", f"127.0.0.1:{port}", "loyalty_admin.wsgi"],
        "worker": [*celery, "worker", "--concurrency", "2", "--loglevel", "INFO"],
        "beat": [*celery, "beat", "--schedule", schedule, "--pidfile", ""],
    }


def _logs() -> Path:
    return home() / "logs"


@contextlib.contextmanager
def running(commands: dict[str, list[str]]) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    """Run programs as children in groups of their own, and end them all in the end."""
    _logs().mkdir(parents=True, exist_ok=True)
    environment = os.environ | {
        "DATABASE_URL": settings.DATABASE_URL,
        "REDIS_URL": settings.REDIS_URL,
    }
    children: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for name, command in commands.items():
            with (_logs() / f"{name}.log").open("wb") as log:
                children[name] = subprocess.Popen(
                    command,
                    cwd=ROOT,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    preexec_fn=_die_with_parent,  # noqa: PLW1509 - the demo has one thread
                )
        yield children
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # a second Ctrl-C must not cut this short
        _stop(children)


def _die_with_parent() -> None:
    """Ask Linux to end this child when the demo is killed without a chance to do so."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _stop(children: dict[str, subprocess.Popen[bytes]]) -> None:
    for child in children.values():
        _signal_group(child, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    for child in children.values():
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(max(deadline - time.monotonic(), 0.1))
        _signal_group(child, signal.SIGKILL)  # whatever the program itself has left behind
        child.wait()


def _signal_group(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, number)


def check(children: dict[str, subprocess.Popen[bytes]]) -> None:
    """Raise DemoError, with the end of its log, if a child has ended."""
    for name, child in children.items():
        if child.poll() is not None:
            log = _logs() / f"{name}.log"
            end = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
            raise DemoError(f"{name} ended with code {child.returncode}.\n{end}\n(from {log})")


def _wait_for(url: str, children: dict[str, subprocess.Popen[bytes]]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        check(children)
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5) as answer:
            if answer.status == 200:
                return
        time.sleep(0.1)
    raise DemoError(f"{url} did not answer within {START_SECONDS:.0f} seconds.")


if __name__ == "__main__":
    main()
