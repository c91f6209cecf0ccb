"""The target: nginx in one process on a core of its own, counting for itself."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
import psutil
import trustme
from tests.bench.peers.cores import pinned
from tests.bench.peers.load import TrialError
from tests.bench.peers.nginx_conf import BODIES, nginx_conf, requests_of
from tests.bench.peers.peer import look_for, told, version_in
from tests.bench.peers.usage import leashed

from localkafka.broker import free_port

_START_S: Final = 10.0
_GRACE_S: Final = 5.0
HOW_TO_GET: Final = "apt-get install nginx-light"


@dataclass(frozen=True, slots=True)
class Target:
    """A running nginx: where it is, and what it has counted and cost."""

    http: str
    https: str
    ca: Path
    pid: int
    version: str

    def requests(self) -> int:
        """Return how many requests it has read, this one counted."""
        answer = httpx.get(f"{self.http}/status", trust_env=False, timeout=30)
        try:
            return requests_of(answer.text)
        except ValueError as error:
            raise TrialError(f"the target's count cannot be read: {error}") from error

    def cpu_s(self) -> float:
        """Return the CPU seconds that it has used."""
        return cpu_s_of(self.pid)


def cpu_s_of(pid: int) -> float:
    """Return the CPU seconds that a process has used."""
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def nginx() -> Path | None:
    """Return the program; None if it is not here."""
    return look_for("nginx", Path("/usr/sbin"))


@contextmanager
def serving(folder: Path, core: int, files: int) -> Iterator[Target]:
    """Run nginx on a core for as long as the block lasts; it may open so many files.

    Raises:
        TrialError: if there is no nginx, or it does not start.
    """
    program = nginx()
    if program is None:
        raise TrialError(f"nginx is not here; {HOW_TO_GET}")
    ports = free_port(), free_port()
    ca, certificate, key = _certificates(folder)
    site = folder / "site"
    site.mkdir()
    for name, size in BODIES.items():
        (site / name).write_bytes(os.urandom(size))
    conf = folder / "nginx.conf"
    text = nginx_conf(
        folder=folder,
        files_folder=site,
        http=ports[0],
        https=ports[1],
        certificate=certificate,
        key=key,
        files=files,
    )
    conf.write_text(text, encoding="utf-8")
    command = leashed([str(program), "-p", str(folder), "-c", str(conf)])
    with (folder / "nginx.out").open("wb") as out, pinned(core):
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    version = version_in(told(str(program), "-v"))
    urls = (f"http://127.0.0.1:{ports[0]}", f"https://127.0.0.1:{ports[1]}")
    try:
        _await_answer(f"{urls[0]}/small", child, folder)
        yield Target(*urls, ca, child.pid, version)
    finally:
        child.terminate()
        try:
            child.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _certificates(folder: Path) -> tuple[Path, Path, Path]:
    """Write a certificate authority, a certificate of 127.0.0.1 and its key."""
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1", "localhost")
    ca, certificate, key = folder / "ca.pem", folder / "certificate.pem", folder / "key.pem"
    authority.cert_pem.write_to_path(ca)
    for blob in issued.cert_chain_pems:
        blob.write_to_path(certificate, append=True)
    issued.private_key_pem.write_to_path(key)
    return ca, certificate, key


def _await_answer(url: str, child: subprocess.Popen[bytes], folder: Path) -> None:
    """Wait for the first answer."""
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline and child.poll() is None:
        try:
            if httpx.get(url, trust_env=False).status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    said = (folder / "nginx.out").read_text(encoding="utf-8", errors="replace").strip()
    raise TrialError(f"nginx does not answer: {said[-300:] or 'it said nothing'}")
