"""The architecture as a test: who imports whom, how long a file is, who reads a clock."""

from __future__ import annotations

import ast
import configparser
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

ROOT = Path(__file__).parents[2]
PACKAGES = (
    "libs/spate/spate",
    "services/orchestrator/orchestrator",
    "services/driver/driver",
    "services/target/target",
    "cli/spate_cli",
    "deploy/kafka/localkafka",
)
MOST_LINES = 320
ROOMS_WITHOUT_A_NOUN = {"utils", "util", "common", "helpers", "helper", "manager", "base", "misc"}
ADAPTERS = {
    "kafkabus",
    "kafkaclient",
    "kafkacomplaints",
    "kafkaproducer",
    "kafkareader",
    "kafkasecurity",
    "kafkatopics",
    "kafkatransaction",
    "logs",
    "membus",
    "memproducer",
    "memreader",
    "target_check",
    "waiting",
}
"""What in the shared library touches the outside; everything else there is pure."""

CLOCK_READERS = {
    "services/target/target/main.py",  # hands the clock over; it shares no module with us
    "deploy/kafka/localkafka/broker.py",  # waits for the port of a process that is not ours
}
"""Files that may read the time beside those called clock.py."""

WALL_CLOCK_CALLS = {"now", "utcnow", "today"}


def sources() -> list[Path]:
    """Return every Python file that is shipped."""
    return sorted(path for each in PACKAGES for path in (ROOT / each).rglob("*.py"))


def named(paths: list[Path]) -> list[str]:
    """Return paths as the repository names them."""
    return [str(path.relative_to(ROOT)) for path in paths]


def pure_modules() -> set[str]:
    """Return the modules of the contract ``pure``."""
    contracts = configparser.ConfigParser()
    contracts.read(ROOT / ".importlinter")
    return set(contracts["importlinter:contract:pure"]["source_modules"].split())


def clock_readings(path: Path) -> Iterator[int]:
    """Yield the lines in which a file imports ``time`` or asks ``datetime`` for the present."""
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Import(names=names) if any(each.name == "time" for each in names):
                yield node.lineno
            case ast.ImportFrom(module="time"):
                yield node.lineno
            case ast.Call(
                func=ast.Attribute(
                    value=ast.Name(id="datetime" | "date")
                    | ast.Attribute(attr="datetime" | "date"),
                    attr=attribute,
                )
            ) if attribute in WALL_CLOCK_CALLS:
                yield node.lineno
            case _:
                pass


@pytest.fixture
def loggers() -> Iterator[None]:
    """Keep every logger as it is: import-linter switches off all that exist."""
    made = logging.Logger.manager.loggerDict.values()
    before = [(one, one.disabled) for one in made if isinstance(one, logging.Logger)]
    yield
    for logger, disabled in before:
        logger.disabled = disabled


@pytest.mark.usefixtures("loggers")
def test_import_contracts_are_kept(capsys: pytest.CaptureFixture[str]) -> None:
    """Every contract of .importlinter holds."""
    status = lint_imports(config_filename=str(ROOT / ".importlinter"), no_cache=True)
    assert status == 0, capsys.readouterr().out


def test_the_library_is_pure_but_for_its_adapters() -> None:
    """A module of libs/spate is under the contract ``pure`` unless it is a named adapter."""
    folder = ROOT / "libs/spate/spate"
    modules = {path.stem for path in folder.glob("*.py")} - {"__init__"} - ADAPTERS
    pure = {name.removeprefix("spate.") for name in pure_modules() if name.startswith("spate.")}
    assert pure == modules


def test_files_are_rooms() -> None:
    """No source file has 320 lines or more."""
    long = [path for path in sources() if len(path.read_text().splitlines()) >= MOST_LINES]
    assert named(long) == []


def test_modules_are_nouns() -> None:
    """No module or folder is called after the fact that somebody needed a place."""
    vague = [
        path
        for path in sources()
        if ROOMS_WITHOUT_A_NOUN & {path.stem, *path.relative_to(ROOT).parent.parts}
    ]
    assert named(vague) == []


def test_only_clock_modules_read_the_time() -> None:
    """Time is an argument everywhere else, so everything else can be tested without waiting."""
    readings = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in sources()
        if path.name != "clock.py" and named([path])[0] not in CLOCK_READERS
        for line in clock_readings(path)
    ]
    assert readings == []


def test_packages_say_what_they_are() -> None:
    """Every package begins with a docstring."""
    silent = [
        path
        for path in sources()
        if path.name == "__init__.py" and ast.get_docstring(ast.parse(path.read_text())) is None
    ]
    assert named(silent) == []
