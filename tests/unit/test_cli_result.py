"""Exit codes, files, the state of the local stack."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from spate_cli.exits import CommandError, Exit, code_of
from spate_cli.local_folder import LocalFolder
from spate_cli.main import main
from spate_cli.ports import free_ports, settle_port
from spate_cli.processes import how_it_ended, last_lines
from spate_cli.result import check_folder, print_out, write_atomically
from spate_cli.stack import driver, eligible, orchestrator


def names(folder: Path) -> list[str]:
    """Return the names in a directory, sorted."""
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    ("state", "passed", "degraded", "told", "code"),
    [
        ("FINISHED", True, False, "", Exit.PASSED),
        ("FINISHED", True, True, "", Exit.PASSED),
        ("FINISHED", True, True, "strict", Exit.THRESHOLDS_FAILED),
        ("FINISHED", True, False, "strict", Exit.PASSED),
        ("FINISHED", False, False, "", Exit.THRESHOLDS_FAILED),
        ("FAILED", False, False, "", Exit.FAILED),
        ("ABORTED", False, True, "strict", Exit.FAILED),
        ("FINISHED", True, False, "interrupted", Exit.INTERRUPTED),
        ("ABORTED", False, False, "interrupted", Exit.INTERRUPTED),
    ],
)
def test_the_exit_code_says_how_it_was(
    state: str, passed: bool, degraded: bool, told: str, code: Exit
) -> None:
    """Interrupted comes first, then the state, then thresholds, then --strict."""
    report: dict[str, Any] = {
        "run": {"state": state},
        "verdict": {"passed": passed, "degraded": [{"reason": "lag"}] if degraded else []},
    }
    assert code == code_of(report, strict="strict" in told, interrupted="interrupted" in told)


def test_exit_codes_are_an_interface() -> None:
    """The numbers are those that scripts rely on."""
    assert [int(code) for code in Exit] == [0, 1, 2, 3, 4, 130]


def test_a_file_is_there_in_full_or_not_at_all(tmp_path: Path) -> None:
    """A file is replaced as a whole; a failure leaves nothing."""
    path = tmp_path / "report.json"
    path.write_text("old", encoding="utf-8")
    write_atomically(path, "new")
    assert names(tmp_path) == ["report.json"]
    assert path.read_text(encoding="utf-8") == "new"
    with pytest.raises(UnicodeEncodeError):
        write_atomically(path, "\ud800")
    assert names(tmp_path) == ["report.json"]


def test_a_report_needs_its_folder_before_the_run(tmp_path: Path) -> None:
    """A directory is made; where none can be made, that is said before load is sent."""
    check_folder(str(tmp_path / "a" / "b"))
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(CommandError, match="cannot write a report"):
        check_folder(str(tmp_path / "file" / "b"))


def test_a_folder_belongs_to_one(tmp_path: Path) -> None:
    """A second taker is refused; what is made is removed, the archive stays."""
    first, second = LocalFolder(tmp_path / "l"), LocalFolder(tmp_path / "l")
    first.take(keep=False)
    with pytest.raises(CommandError, match="another spate local"):
        second.take(keep=False)
    for name in ("kafka/data", "logs"):
        (tmp_path / "l" / name).mkdir(parents=True)
    first.archive.write_text("", encoding="utf-8")
    first.write_state([])
    assert json.loads(first.state.read_text(encoding="utf-8")) == {"processes": []}
    first.release(keep=True, keep_logs=False)
    assert names(tmp_path / "l") == ["archive.db", "kafka", "logs"]
    second.take(keep=True)
    assert second.kafka.exists()
    second.release(keep=False, keep_logs=True)
    assert names(tmp_path / "l") == ["archive.db", "logs"]
    second.take(keep=False)
    second.archive.unlink()
    second.release(keep=False, keep_logs=False)
    assert not (tmp_path / "l").exists()


def test_what_a_killed_one_left_is_removed(tmp_path: Path) -> None:
    """Taking a directory removes an old state and old data of Kafka, unless they are kept."""
    folder = LocalFolder(tmp_path)
    folder.kafka.mkdir()
    folder.state.write_text("{}", encoding="utf-8")
    folder.take(keep=False)
    assert names(tmp_path) == ["lock"]
    folder.release(keep=False, keep_logs=False)


def test_commands_can_be_run_again() -> None:
    """Commands are absolute and hold their ports, so running them again is a restart."""
    command = orchestrator("127.0.0.1:9", 8080, 8001, Path("/data/archive.db"))
    assert Path(command.argv[0]).is_absolute()
    assert command.argv[-1] == "sqlite:////data/archive.db"
    assert command.argv[-4:-2] == ("--sample-target", "http://127.0.0.1:8001")
    assert driver("k:9", 2, 9102).argv[-4:] == (
        "--driver-id",
        "driver-2",
        "--address",
        "127.0.0.1:9102",
    )
    # Their logs are files that people read.
    wanted = {"SPATE_LOG_FORMAT": "text"}
    assert (command.env, driver("k:9", 2, 9102).env) == (wanted, wanted)


def test_drivers_must_be_eligible() -> None:
    """All named drivers must be able to take work; who is deaf or lost is not."""
    rows: list[dict[str, object]] = [
        {"driver_id": "a", "state": "idle"},
        {"driver_id": "b", "state": "working"},
        {"driver_id": "c", "state": "deaf"},
        {"driver_id": "d", "state": "idle", "eligible": False},
    ]
    assert [eligible(rows, names) for names in (["a", "b"], ["a", "c"], ["d"], [])] == [
        True,
        False,
        False,
        True,
    ]


def test_a_port_in_use_is_said() -> None:
    """A port that somebody listens at is refused, with the way to choose another."""
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        with pytest.raises(CommandError, match="choose another with --port") as caught:
            settle_port(taken.getsockname()[1], "--port")
    assert caught.value.code == Exit.USAGE
    assert settle_port(0, "--port") > 0
    assert len(set(free_ports(5))) == 5


def test_ends_are_told_in_words(tmp_path: Path) -> None:
    """Codes and signals have words; a log is quoted by its last lines."""
    assert [how_it_ended(code) for code in (3, -9, -250)] == [
        "ended with exit code 3",
        "was ended by SIGKILL",
        "was ended by signal 250",
    ]
    log = tmp_path / "x.log"
    assert last_lines(log) == []
    log.write_text("".join(f"{number}\n" for number in range(100_000)), encoding="utf-8")
    assert last_lines(log, 2) == ["99998", "99999"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [([], 2), (["--version"], 0), (["run", "none.yaml"], 2), (["validate", "none.yaml"], 2)],
)
def test_the_command_returns_its_code(
    arguments: list[str], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """Usage and unreadable plans are 2, with a sentence on standard error."""
    assert code == main(arguments)
    captured = capsys.readouterr()
    assert bool(captured.err) is (code != 0)


@pytest.mark.parametrize(
    "line", ["nonsense", "scale -1", "run", "local --port x", "report RUN --format csv"]
)
def test_bad_usage_ends_with_2(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Argparse ends the process with 2 and says why."""
    with pytest.raises(SystemExit) as ended:
        main(line.split())
    assert ended.value.code == 2
    assert "usage: spate" in capsys.readouterr().err


class Trickle(io.RawIOBase):
    """Takes a few bytes at a time, as a pipe may."""

    def __init__(self) -> None:
        super().__init__()
        self.taken = b""

    def writable(self) -> bool:
        """Allow writing."""
        return True

    def write(self, data: Any, /) -> int:
        """Take the first seven bytes."""
        self.taken += bytes(data)[:7]
        return min(7, len(data))


def test_all_is_printed_though_the_kernel_takes_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unbuffered output, as in a container, gives the kernel everything at once."""
    raw = Trickle()
    unbuffered = io.TextIOWrapper(raw, encoding="utf-8", write_through=True)  # type: ignore[type-var]
    monkeypatch.setattr("sys.stdout", unbuffered)
    print_out("½ of a report, and the rest of it")
    assert raw.taken.decode() == "½ of a report, and the rest of it"
