"""The demo: its parts live and end together."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from loyalty_admin import demo
from loyalty_admin.embedded import ROOT

# A program with a child of its own, both deaf to a polite request.
STUBBORN = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen(["sleep", "300"], preexec_fn=lambda: signal.signal(15, signal.SIG_IGN))
open(sys.argv[1], "w").write(f"{os.getpid()} {child.pid} ")
time.sleep(300)
"""


@pytest.fixture(autouse=True)
def _own_directory_and_signals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("LOYALTY_LOCAL_DIR", str(tmp_path))
    monkeypatch.setattr(demo, "STOP_SECONDS", 0.5)
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that waits to be reaped does not."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def pids_in(file: Path) -> list[int]:
    deadline = time.monotonic() + 20
    while not (file.exists() and file.read_text().endswith(" ")) and time.monotonic() < deadline:
        time.sleep(0.02)
    return [int(pid) for pid in file.read_text().split()]


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    file = tmp_path / "pids"
    with demo.running({"web": [sys.executable, "-c", STUBBORN, str(file)]}) as children:
        pids = pids_in(file)
        demo.check(children)
        assert [is_alive(pid) for pid in pids] == [True, True]
    assert [is_alive(pid) for pid in pids] == [False, False]


def test_a_part_that_ends_is_named_with_the_end_of_its_log() -> None:
    program = [sys.executable, "-c", "import sys; print('no room left'); sys.exit(3)"]
    with demo.running({"worker": program}) as children:
        children["worker"].wait()
        with pytest.raises(demo.DemoError, match=r"(?s)worker ended with code 3.*no room left"):
            demo.check(children)


def test_children_end_with_a_demo_that_is_killed(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    sleeper = (
        f"import os, time; open({str(file)!r}, 'w').write(f'{{os.getpid()}} '); time.sleep(300)"
    )
    supervisor = f"""
import sys, time
from loyalty_admin import demo
import django; django.setup()
with demo.running({{"web": [sys.executable, "-c", {sleeper!r}]}}):
    time.sleep(300)
"""
    process = subprocess.Popen([sys.executable, "-c", supervisor], cwd=ROOT, env=os.environ)
    (pid,) = pids_in(file)
    process.kill()
    process.wait()
    deadline = time.monotonic() + 10
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not is_alive(pid)


def test_a_taken_port_is_passed_over() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        assert demo.free_port(taken) > taken


def test_all_sign_ins_are_told() -> None:
    for role in ("Support agent", "Team lead", "Store admin", "Auditor", "Superuser"):
        assert role in demo.sign_ins()
