"""A real PostgreSQL of the tests' own: on loopback, with a password, in a directory that goes."""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg

from localkafka.broker import free_port

USER = "spate"
PASSWORD = "a-w@rd/that:no-log-may-show"
_START_WITHIN_S = 60.0
_STOP_WITHIN_S = 30.0


def programs() -> Path | None:
    """Return the directory of ``initdb`` and ``postgres``, the newest if there are several."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"),
        key=lambda path: [int(part) for part in re.findall(r"\d+", str(path))],
    )
    on_path = shutil.which("initdb")
    if on_path is not None:
        found.append(Path(on_path).resolve())
    return found[-1].parent if found else None


class Postgres:
    """One server; a context manager. It refuses to run as root, so root lends it another user."""

    def __init__(self, bin_directory: Path) -> None:
        self.port = free_port()
        self._bin = bin_directory
        self._directory = Path(tempfile.mkdtemp(prefix="spate-postgres-"))
        self._process: subprocess.Popen[bytes] | None = None
        self._identity: tuple[str, ...] = ()
        if os.geteuid() == 0:
            account = _account()
            os.chown(self._directory, account.pw_uid, account.pw_gid)
            ids = (f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}")
            self._identity = (*ids, "--clear-groups")

    def __enter__(self) -> Self:
        """Make the files; nothing runs yet."""
        with contextlib.ExitStack() as undo:
            undo.callback(shutil.rmtree, self._directory)
            secret = self._directory / "password"
            secret.write_text(PASSWORD)
            secret.chmod(0o644)
            help_text = subprocess.run(
                [self._bin / "initdb", "--help"], capture_output=True, text=True, check=True
            ).stdout
            # A language's order of words is not that of code points, which the list rests on.
            locale = ("--locale-provider=icu", "--icu-locale=en-US")
            subprocess.run(
                self._command(
                    "initdb",
                    *("--pgdata", str(self._data), "--username", USER, "--encoding=UTF8"),
                    *("--locale=C.UTF-8", *(locale if "--icu-locale" in help_text else ())),
                    *("--auth=scram-sha-256", f"--pwfile={secret}", "--no-sync"),
                ),
                capture_output=True,
                check=True,
                cwd="/",
            )
            undo.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End it and remove everything."""
        self.stop()
        shutil.rmtree(self._directory)

    @property
    def _data(self) -> Path:
        return self._directory / "data"

    def url(self, database: str = "postgres", password: str = PASSWORD) -> str:
        """Return the archive's URL for a database."""
        quoted = "".join(f"%{ord(c):02x}" if not c.isalnum() else c for c in password)
        return f"postgresql://{USER}:{quoted}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Start it, unless it runs, and wait until it lets us in."""
        if self._process is not None:
            return
        log = (self._directory / "log").open("ab")
        with log:
            self._process = subprocess.Popen(
                self._command(
                    "postgres",
                    *("-D", str(self._data), "-k", str(self._directory)),
                    *("-c", "listen_addresses=127.0.0.1", "-p", str(self.port)),
                    *("-c", "fsync=off", "-c", "shared_buffers=16MB", "-c", "max_connections=20"),
                ),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
            )
        deadline = time.monotonic() + _START_WITHIN_S
        while True:
            try:
                self.connect().close()
            except psycopg.OperationalError as error:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise AssertionError(f"PostgreSQL: {error}\n{self._log()}") from error
                time.sleep(0.05)
            else:
                return

    def stop(self) -> None:
        """End it at once, as a power cut does but that it says goodbye."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(3)  # SIGQUIT: its immediate shutdown
            process.wait(_STOP_WITHIN_S)

    @contextlib.contextmanager
    def database(self) -> Iterator[str]:
        """Make a database for one test and give its URL; it goes with whatever still uses it."""
        name = f"t_{uuid.uuid4().hex[:12]}"
        with self.connect() as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        try:
            yield self.url(name)
        finally:
            self.start()
            with self.connect() as connection:
                connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())

    def connect(self, url: str | None = None) -> psycopg.Connection:
        """Return a connection that commits each statement; without a URL, to no test's database."""
        return psycopg.connect(url or self.url(), autocommit=True, connect_timeout=5)

    def _log(self) -> str:
        return (self._directory / "log").read_text(errors="replace")[-2000:]

    def _command(self, program: str, *arguments: str) -> list[str]:
        """Return the command, as the user that it needs; it ends with this process."""
        # SIGINT is its fast shutdown.
        leash = ("setpriv", "--pdeathsig=INT", *self._identity)
        return [*leash, str(self._bin / program), *arguments]


def _account() -> pwd.struct_passwd:
    """Return whom root lends to the server."""
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")
