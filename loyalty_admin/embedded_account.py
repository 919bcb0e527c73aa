"""Whom an embedded server runs as: PostgreSQL refuses to run as root."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

SYSTEM_USER = "loyalty-postgres"
# Bits of the kernel's capability sets (linux/capability.h).
CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 1, 2


class EmbeddedServerError(RuntimeError):
    """A server could not be started; the message says why."""


@dataclass(frozen=True)
class Account:
    """A system account to start programs as; without ids, our own."""

    uid: int | None = None
    gid: int | None = None
    prefix: list[str] = field(default_factory=list)  # a command that changes the account itself

    def popen(self, command: list[str], *, stdout: IO[bytes], cwd: Path) -> subprocess.Popen[bytes]:
        """Start a program as this account, in a session of its own."""
        uid, gid = (None, None) if self.prefix else (self.uid, self.gid)
        return subprocess.Popen(
            [*self.prefix, *command],
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            start_new_session=True,
            # PGPORT and its like would change what the server does.
            env={key: value for key, value in os.environ.items() if not key.startswith("PG")},
            user=uid,
            group=gid,
            extra_groups=None if uid is None else [],
        )

    def own(self, path: Path) -> None:
        """Give a directory to this account."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)


def account_for(data: Path, *, must_run: Path) -> Account:
    """The account for a server on `data`: ourselves, or as root whoever owns the data."""
    if os.geteuid() != 0:
        return Account()
    uid, gid = _owner(data) or _system_account()
    if _can_reach(uid, gid, must_run) and _can_reach(uid, gid, data.parent):
        return Account(uid, gid)
    # The tree lies in a private directory such as /root. Rather than open that to everybody,
    # let this one process look through directories.
    capability = _capability()
    if capability is None or not shutil.which("setpriv"):
        raise EmbeddedServerError(
            f"PostgreSQL does not run as root, and {must_run} lies where no other account can "
            "go. Move the code, or set DATABASE_URL to a server of your own."
        )
    options = ["--reuid", str(uid), "--regid", str(gid), "--clear-groups"]
    # access(2) honours the capability of a program that is not root only with this bit set.
    options += ["--securebits", "+no_setuid_fixup"]
    options += ["--inh-caps", f"+{capability}", "--ambient-caps", f"+{capability}", "--"]
    return Account(uid, gid, prefix=["setpriv", *options])


def _owner(data: Path) -> tuple[int, int] | None:
    """Who owns existing data: a user's tree that root works in stays the user's."""
    try:
        status = data.stat()
    except FileNotFoundError:
        return None
    return (status.st_uid, status.st_gid) if status.st_uid else None


def _system_account() -> tuple[int, int]:
    """An account without rights, made if the system can make one."""
    for attempt in (SYSTEM_USER, None, SYSTEM_USER, "nobody"):
        if attempt is None:
            _create_system_user()
            continue
        try:
            entry = pwd.getpwnam(attempt)
        except KeyError:
            continue
        return entry.pw_uid, entry.pw_gid
    raise EmbeddedServerError(
        "PostgreSQL does not run as root, and this system has no other account. Make one: "
        f"useradd --system {SYSTEM_USER}"
    )


def _create_system_user() -> None:
    if program := shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin"):
        options = ["--system", "--no-create-home", "--shell", "/usr/sbin/nologin"]
        subprocess.run([program, *options, SYSTEM_USER], check=False, capture_output=True)


def _can_reach(uid: int, gid: int, path: Path) -> bool:
    """Whether an account can run a program, or enter a directory, where it lies."""
    test = subprocess.run(
        ["/bin/sh", "-c", 'test -x "$0"', str(path)],
        user=uid,
        group=gid,
        extra_groups=[],
        cwd="/",
        check=False,
    )
    return test.returncode == 0


def _capability() -> str | None:
    """The weakest capability we can hand on that lets a process look through directories."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            held = int(line.split()[1], 16)
            if held >> CAP_DAC_READ_SEARCH & 1:
                return "dac_read_search"
            if held >> CAP_DAC_OVERRIDE & 1:
                return "dac_override"
    return None
