"""The orchestrator's settings: flags, the environment, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.settings import parse_settings


def test_the_defaults_bind_loopback_and_allow_only_loopback_and_the_sample_target() -> None:
    """Only Kafka must be named."""
    settings = parse_settings(["--kafka", "localhost:9092"], {})
    assert (settings.host, settings.port) == ("127.0.0.1", 8080)
    assert settings.archive == "sqlite:///spate.db"
    assert settings.topic_prefix == "spate."
    assert settings.allowed_targets.allows_address("127.0.0.1")
    assert settings.allowed_targets.allows_host("target")
    assert not settings.allowed_targets.allows_host("example.com")
    assert settings.allowed_hosts == ()
    assert (settings.max_queued, settings.log_level) == (100, "info")
    assert str(settings.sample_target) == "http://127.0.0.1:8000"


def test_every_flag_can_stand_in_the_environment_and_the_flag_wins() -> None:
    """The two ways meet in one value."""
    environ = {
        "SPATE_KAFKA_BOOTSTRAP": "a:1,b:2",
        "SPATE_HOST": "0.0.0.0",
        "SPATE_PORT": "9000",
        "SPATE_ARCHIVE": "postgresql+psycopg://db/spate",
        "SPATE_TOPIC_PREFIX": "x-",
        "SPATE_ALLOWED_TARGETS": "*.svc",
        "SPATE_ALLOWED_HOSTS": " Spate.Example , *.local ,",
        "SPATE_MAX_QUEUED": "3",
        "SPATE_LOG_LEVEL": "debug",
        "SPATE_SAMPLE_TARGET": "none",
    }
    settings = parse_settings(["--port", "9001"], environ)
    assert settings.kafka == "a:1,b:2"
    assert (settings.host, settings.port) == ("0.0.0.0", 9001)
    assert settings.archive == "postgresql+psycopg://db/spate"
    assert settings.topic_prefix == "x-"
    assert settings.allowed_targets.allows_host("shop.svc")
    assert settings.allowed_hosts == ("spate.example", "*.local")
    assert (settings.max_queued, settings.log_level) == (3, "debug")
    assert settings.sample_target is None


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ([], "--kafka (or SPATE_KAFKA_BOOTSTRAP) is missing"),
        (["--kafka", "nowhere"], "write HOST:PORT"),
        (["--kafka", "a:1", "--port", "70000"], "whole number of 0 to 65535"),
        (["--kafka", "a:1", "--archive", "runs.db"], "write a URL"),
        (["--kafka", "a:1", "--topic-prefix", "a b"], "letters, digits"),
        (["--kafka", "a:1", "--allowed-targets", "http://x"], "--allowed-targets"),
        (["--kafka", "a:1", "--max-queued", "-1"], "whole number"),
        (["--kafka", "a:1", "--log-level", "loud"], "one of debug"),
        (["--kafka", "a:1", "--sample-target", "target:8000"], "http://127.0.0.1:8000"),
        (["--kafka", "a:1", "--colour", "red"], "there is no '--colour'"),
    ],
)
def test_what_is_wrong_ends_with_2_and_says_how_to_mend_it(
    argv: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each problem names the flag."""
    with pytest.raises(SystemExit) as ended:
        parse_settings(argv, {})
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_the_archive_s_url_may_stand_in_a_file(tmp_path: Path) -> None:
    """A URL with a password belongs neither on a command line nor into the environment."""
    path = tmp_path / "url"
    path.write_text("postgresql://spate:hunter2@db/spate\n")
    settings = parse_settings(["--kafka", "a:1", "--archive-file", str(path)], {})
    assert settings.archive == "postgresql://spate:hunter2@db/spate"
    assert "hunter2" not in repr(settings)
    environ = {"SPATE_KAFKA_BOOTSTRAP": "a:1", "SPATE_ARCHIVE_FILE": str(path)}
    assert parse_settings([], environ) == settings


@pytest.fixture
def archive_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that hold a URL, no URL and no text, in the directory where the test is."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good").write_text("postgresql://spate:hunter2@db/spate")
    (tmp_path / "none").write_text("hunter2")
    (tmp_path / "binary").write_bytes(b"\xff")


@pytest.mark.usefixtures("archive_files")
@pytest.mark.parametrize(
    ("argv", "environ", "said"),
    [
        (["--archive-file", "/nowhere/url"], {}, "the file cannot be read: No such file"),
        (["--archive-file", "none"], {}, "the file holds no URL: write a URL such as"),
        (["--archive-file", "binary"], {}, "the file is no text in UTF-8"),
        (["--archive", "spate:hunter2@db"], {}, "the value from --archive is not right: write a"),
        ([], {"SPATE_ARCHIVE": "spate:hunter2@db"}, "the value from SPATE_ARCHIVE is not right"),
        (
            ["--archive", "sqlite:///x.db"],
            {"SPATE_ARCHIVE_FILE": "good"},
            "--archive (or SPATE_ARCHIVE) and --archive-file (or SPATE_ARCHIVE_FILE) are both",
        ),
        (
            ["--archive-file", "none"],
            {"SPATE_ARCHIVE": "sqlite:///x.db"},
            "--archive (or SPATE_ARCHIVE) and --archive-file (or SPATE_ARCHIVE_FILE) are both",
        ),
        (["--kafka-ca", "good"], {}, "--kafka-ca (or SPATE_KAFKA_CA): 'good', from --kafka-ca,"),
    ],
)
def test_an_archive_is_named_once_and_its_password_never(
    argv: list[str],
    environ: dict[str, str],
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Neither a URL that is wrong nor the content of a file is quoted."""
    with pytest.raises(SystemExit) as ended:
        parse_settings(["--kafka", "a:1", *argv], environ)
    assert ended.value.code == 2
    found = capsys.readouterr().err
    assert said in found
    assert "hunter2" not in found


def test_help_lists_flags_and_variables(capsys: pytest.CaptureFixture[str]) -> None:
    """Both names of each."""
    with pytest.raises(SystemExit) as ended:
        parse_settings(["--help"], {})
    out = capsys.readouterr().out
    assert ended.value.code == 0
    for name in (
        *("kafka-security", "host", "port", "archive", "archive-file"),
        *("allowed-targets", "max-queued"),
    ):
        assert f"--{name}" in out
        assert f"SPATE_{name.upper().replace('-', '_')}" in out


def test_a_cluster_is_looked_for_where_there_is_one() -> None:
    """Watched and scaled unless it is said otherwise, to a hundred drivers at most."""
    settings = parse_settings(["--kafka", "a:1"], {})
    assert (settings.kubernetes, settings.kubernetes_namespace) == ("auto", None)
    assert (settings.kubernetes_deployment, settings.kubernetes_scaling) == ("driver", "on")
    assert settings.max_drivers == 100
    environ = {
        "SPATE_KUBERNETES": "on",
        "SPATE_KUBERNETES_NAMESPACE": "load",
        "SPATE_KUBERNETES_DEPLOYMENT": "driver.v2",
        "SPATE_MAX_DRIVERS": "1000",
    }
    settings = parse_settings(["--kafka", "a:1", "--kubernetes-scaling", "off"], environ)
    assert (settings.kubernetes, settings.kubernetes_namespace) == ("on", "load")
    assert (settings.kubernetes_deployment, settings.kubernetes_scaling) == ("driver.v2", "off")
    assert settings.max_drivers == 1000


@pytest.mark.parametrize(
    ("flag", "value", "fix"),
    [
        ("--kubernetes", "yes", "write one of auto, on, off"),
        ("--kubernetes-namespace", "Load", "write small letters, digits, hyphens and dots"),
        ("--kubernetes-deployment", "a/b", "write small letters, digits, hyphens and dots"),
        ("--kubernetes-deployment", "a..b", "write small letters, digits, hyphens and dots"),
        ("--kubernetes-deployment", "x" * 254, "write small letters, digits, hyphens and dots"),
        ("--kubernetes-scaling", "true", "write one of on, off"),
        ("--max-drivers", "0", "write a whole number of 1 to 1000"),
        ("--max-drivers", "1001", "write a whole number of 1 to 1000"),
    ],
)
def test_what_is_wrong_of_a_cluster_is_named(
    flag: str, value: str, fix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Flag and fix."""
    with pytest.raises(SystemExit):
        parse_settings(["--kafka", "a:1", flag, value], {})
    said = capsys.readouterr().err
    assert f"{flag} (or SPATE_" in said
    assert fix in said
