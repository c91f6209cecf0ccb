"""The broker's jars: named in a lock file, fetched once, verified, kept in a cache."""

from __future__ import annotations

import concurrent.futures
import fcntl
import hashlib
import os
import shutil
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

SPEC_PATH = Path(__file__).with_name("jgo.toml")
LOCK_PATH = Path(__file__).with_name("jgo.lock.toml")

Progress = Callable[[str], None]

_AT_ONCE = 4
_DEPENDENCY_SCOPES = (None, "compile", "runtime")
_ELSE = "or set SPATE_KAFKA_BOOTSTRAP to the address of a Kafka broker that runs already"


class FetchError(RuntimeError):
    """Kafka could not be brought to this machine; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Jar:
    """One artifact of the lock file, with the sha256 (hex) that its bytes must have."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def file_name(self) -> str:
        """The name in the repository and in the cache."""
        return f"{self.artifact}-{self.version}.jar"


@dataclass(frozen=True, slots=True)
class Lock:
    """What the lock file says: a name for the whole, the jars, and a digest of it all."""

    name: str
    jars: tuple[Jar, ...]
    digest: str


def read_lock(path: Path = LOCK_PATH) -> Lock:
    """Return the content of a lock file.

    Raises:
        FetchError: if an entry has no checksum.
    """
    raw = path.read_bytes()
    document = tomllib.loads(raw.decode())
    jars = []
    for entry in document["dependencies"]:
        if not entry.get("sha256"):
            raise FetchError(f"the lock file has no checksum for {entry['artifactId']}")
        jars.append(Jar(entry["groupId"], entry["artifactId"], entry["version"], entry["sha256"]))
    digest = hashlib.sha256(raw).hexdigest()
    return Lock(document["environment"]["name"], tuple(jars), digest)


def cache_directory(environ: dict[str, str] | None = None) -> Path:
    """Return where fetched things are kept: ``SPATE_CACHE``, else ``~/.cache/spate``."""
    found = (os.environ if environ is None else environ).get("SPATE_CACHE")
    return Path(found).expanduser() if found else Path.home() / ".cache" / "spate"


def fetch(progress: Progress, cache: Path | None = None) -> str:
    """Return the broker's class path, after fetching what is not in the cache yet.

    Several processes may call this at once: one fetches, the others wait for it.

    Raises:
        FetchError: if there is no network, or a jar is not what the lock file says.
    """
    lock = read_lock()
    directory = (cache or cache_directory()) / lock.name
    verified = directory / "verified"
    if not _is_complete(directory, verified, lock):
        directory.mkdir(parents=True, exist_ok=True)
        with _only_one(directory / ".lock"):
            if not _is_complete(directory, verified, lock):
                _fetch_missing(lock, directory, progress)
                verified.write_text(lock.digest)
    return os.pathsep.join(str((directory / jar.file_name).resolve()) for jar in lock.jars)


def write_lock(progress: Progress) -> None:
    """Resolve ``jgo.toml`` anew and write the lock file; needs the network.

    Raises:
        FetchError: if the network or the packages for this are missing.
    """
    try:
        from jgo.env import EnvironmentBuilder, EnvironmentSpec, LockFile, compute_spec_hash
        from jgo.maven import MavenContext
    except ImportError as error:
        raise FetchError(f"the Python package {error.name} is needed to lock Kafka") from error
    with tempfile.TemporaryDirectory() as scratch:
        progress("resolving Kafka")
        context = MavenContext(repo_cache=Path(scratch) / "m2")
        spec = EnvironmentSpec.load(SPEC_PATH)
        builder = EnvironmentBuilder(context, cache_dir=Path(scratch) / "jgo")
        try:
            inputs, others = context.resolver.resolve(builder.spec_to_dependencies(spec))
            lock = LockFile.from_resolved_dependencies(
                [d for d in (*inputs, *others) if d.scope in _DEPENDENCY_SCOPES],
                environment_name=spec.name,
                spec_hash=compute_spec_hash(SPEC_PATH),
            )
        except (OSError, RuntimeError) as error:
            raise FetchError(f"Kafka could not be resolved: {error}") from error
        lock.jgo_version = metadata.version("jgo")
        lock.save(LOCK_PATH)


def _is_complete(directory: Path, verified: Path, lock: Lock) -> bool:
    try:
        if verified.read_text() != lock.digest:
            return False
    except FileNotFoundError:
        return False
    return all((directory / jar.file_name).is_file() for jar in lock.jars)


@contextmanager
def _only_one(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _fetch_missing(lock: Lock, directory: Path, progress: Progress) -> None:
    missing = [jar for jar in lock.jars if not _matches(directory / jar.file_name, jar)]
    if not missing:
        return
    progress(f"fetching {lock.name}: {len(missing)} of {len(lock.jars)} jars, once")
    scratch = Path(tempfile.mkdtemp(prefix=".fetch-", dir=directory))
    try:
        with concurrent.futures.ThreadPoolExecutor(_AT_ONCE) as pool:
            waiting = {pool.submit(_fetch_one, jar, scratch, directory): jar for jar in missing}
            try:
                for done, future in enumerate(concurrent.futures.as_completed(waiting), 1):
                    future.result()
                    progress(f"fetched {done}/{len(missing)} {waiting[future].file_name}")
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _fetch_one(jar: Jar, scratch: Path, directory: Path) -> None:
    try:
        from jgo.maven import MavenContext
    except ImportError as error:
        raise FetchError(
            f"the Python package {error.name} is needed to fetch Kafka: install it, {_ELSE}"
        ) from error
    context = MavenContext(repo_cache=scratch)
    artifact = context.project(jar.group, jar.artifact).at_version(jar.version).artifact()
    try:
        found: Path = artifact.resolve()
    except (OSError, RuntimeError) as error:  # requests' errors are OSErrors
        raise FetchError(
            f"Kafka could not be fetched ({jar.file_name}: {type(error).__name__}): "
            f"connect this machine to the network once, {_ELSE}"
        ) from error
    if not _matches(found, jar):
        raise FetchError(f"{jar.file_name} is not the file that the lock file names; nothing kept")
    found.replace(directory / jar.file_name)


def _matches(path: Path, jar: Jar) -> bool:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == jar.sha256
    except FileNotFoundError:
        return False
