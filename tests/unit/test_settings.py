"""The orchestrator's settings: flags, the environment, and what is refused."""

from __future__ import annotations

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
    }
    settings = parse_settings(["--port", "9001"], environ)
    assert settings.kafka == "a:1,b:2"
    assert (settings.host, settings.port) == ("0.0.0.0", 9001)
    assert settings.archive == "postgresql+psycopg://db/spate"
    assert settings.topic_prefix == "x-"
    assert settings.allowed_targets.allows_host("shop.svc")
    assert settings.allowed_hosts == ("spate.example", "*.local")
    assert (settings.max_queued, settings.log_level) == (3, "debug")


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


def test_help_lists_flags_and_variables(capsys: pytest.CaptureFixture[str]) -> None:
    """Both names of each."""
    with pytest.raises(SystemExit) as ended:
        parse_settings(["--help"], {})
    out = capsys.readouterr().out
    assert ended.value.code == 0
    for name in ("kafka", "host", "port", "archive", "allowed-targets", "max-queued"):
        assert f"--{name}" in out
        assert f"SPATE_{name.upper().replace('-', '_')}" in out
