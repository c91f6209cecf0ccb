"""How both services are told to prove themselves to Kafka, and what does not go together."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.certificates import Authority, Pair

from spate.flags import parse_flags
from spate.kafkasecurity import (
    KAFKA_SECURITY_FLAGS,
    KafkaSecurity,
    check_security,
    take_security,
)

PASSWORD = "correct horse"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with password files and what is none."""
    folder = tmp_path_factory.mktemp("security")
    (folder / "password").write_text(f"{PASSWORD}\n")
    (folder / "two-lines").write_text(f" {PASSWORD}\n\n")
    (folder / "windows").write_bytes(f"{PASSWORD}\r\n".encode())
    (folder / "empty").write_text("\n")
    (folder / "binary").write_bytes(b"\xff\xfe\x00")
    (folder / "huge").write_bytes(b"x" * 1_000_001)
    return folder


@pytest.fixture(scope="module")
def authority(folder: Path) -> Authority:
    """An authority whose file is ``ours-ca.pem``."""
    return Authority(folder, "ours")


@pytest.fixture(scope="module")
def pair(authority: Authority) -> Pair:
    """A certificate and its key: ``client.crt`` and ``client.key``."""
    authority.issue("other", "other.example")
    return authority.issue("client", "client.example")


def read(argv: list[str], environ: dict[str, str] | None = None) -> KafkaSecurity:
    """Read the flags as both services do; nothing of theirs may be left."""
    values = parse_flags(
        "spate", "Test.", KAFKA_SECURITY_FLAGS, argv, environ or {}, check=check_security
    )
    found = take_security(values)
    assert values == {}
    return found


def test_without_flags_all_is_plain() -> None:
    """Nothing is set at the client library."""
    assert read([]) == KafkaSecurity()
    assert read([]).client_settings() == {}


def test_a_login_over_tls(folder: Path, authority: Authority) -> None:
    """Flag and variable mean the same; the newline at the file's end is none of the password's."""
    path = str(folder / "password")
    argv = ["--kafka-security", "sasl_ssl", "--kafka-username", "spate"]
    found = read([*argv, "--kafka-password-file", path, "--kafka-ca", str(authority.path)])
    environ = {
        "SPATE_KAFKA_SECURITY": "sasl_ssl",
        "SPATE_KAFKA_USERNAME": "spate",
        "SPATE_KAFKA_PASSWORD_FILE": path,
        "SPATE_KAFKA_CA": str(authority.path),
    }
    assert read([], environ) == found
    assert found.client_settings() == {
        "security.protocol": "sasl_ssl",
        "ssl.ca.location": str(authority.path),
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "spate",
        "sasl.password": PASSWORD,
    }


def test_a_login_without_tls(folder: Path) -> None:
    """It has no authorities; the mechanism can be another."""
    argv = ["--kafka-security", "sasl_plaintext", "--kafka-sasl-mechanism", "PLAIN"]
    argv += ["--kafka-username", "spate", "--kafka-password-file", str(folder / "password")]
    assert read(argv).client_settings() == {
        "security.protocol": "sasl_plaintext",
        "sasl.mechanism": "PLAIN",
        "sasl.username": "spate",
        "sasl.password": PASSWORD,
    }


def test_certificates_of_both_sides(authority: Authority, pair: Pair) -> None:
    """Mutual TLS needs no login."""
    argv = ["--kafka-security", "ssl", "--kafka-ca", str(authority.path)]
    argv += ["--kafka-certificate", str(pair.certificate), "--kafka-key", str(pair.key)]
    assert read(argv).client_settings() == {
        "security.protocol": "ssl",
        "ssl.ca.location": str(authority.path),
        "ssl.certificate.location": str(pair.certificate),
        "ssl.key.location": str(pair.key),
    }


def test_tls_alone_trusts_the_system() -> None:
    """Without a file of authorities the library takes those of the system."""
    assert read(["--kafka-security", "ssl"]).client_settings() == {"security.protocol": "ssl"}


@pytest.mark.parametrize(
    ("name", "password"),
    [("password", PASSWORD), ("two-lines", f" {PASSWORD}\n"), ("windows", PASSWORD)],
)
def test_only_one_newline_is_taken_off(folder: Path, name: str, password: str) -> None:
    """Blanks and further lines belong to the password."""
    argv = ["--kafka-security", "sasl_ssl", "--kafka-username", "spate"]
    assert read([*argv, "--kafka-password-file", str(folder / name)]).password == password


def test_the_password_is_in_no_text(folder: Path) -> None:
    """Whoever prints the settings does not print it."""
    argv = ["--kafka-security", "sasl_ssl", "--kafka-username", "spate"]
    found = read([*argv, "--kafka-password-file", str(folder / "password")])
    assert PASSWORD not in repr(found)
    assert "spate" in repr(found)


SASL = "--kafka-security=sasl_ssl --kafka-username=spate --kafka-password-file={}/password"
NAMES = {flag.option: flag.names for flag in KAFKA_SECURITY_FLAGS}
IS_PLAIN = f"{NAMES['--kafka-security']} is plaintext"


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ("--kafka-security=tls", ["write one of plaintext, ssl, sasl_plaintext, sasl_ssl"]),
        (
            "--kafka-security=tls --kafka-username=spate --kafka-ca={}/ours-ca.pem",
            ["write one of plaintext, ssl, sasl_plaintext, sasl_ssl"],
        ),
        (
            SASL + " --kafka-sasl-mechanism=GSSAPI",
            ["write one of SCRAM-SHA-512, SCRAM-SHA-256, PLAIN"],
        ),
        (
            "--kafka-security=sasl_ssl",
            [
                f"{NAMES['--kafka-username']} is missing: {NAMES['--kafka-security']} is sasl_ssl",
                f"{NAMES['--kafka-password-file']} is missing",
            ],
        ),
        ("--kafka-username=spate", [f"{NAMES['--kafka-username']} is of no use: {IS_PLAIN}"]),
        (
            "--kafka-password-file={}/password",
            [f"{NAMES['--kafka-password-file']} is of no use: {IS_PLAIN}"],
        ),
        ("--kafka-ca={}/ours-ca.pem", [f"{NAMES['--kafka-ca']} is of no use: {IS_PLAIN}"]),
        (
            "--kafka-security=ssl --kafka-certificate={}/client.crt",
            [f"{NAMES['--kafka-key']} is missing: --kafka-certificate is given"],
        ),
        (
            "--kafka-security=ssl --kafka-key={}/client.key",
            [f"{NAMES['--kafka-certificate']} is missing: --kafka-key is given"],
        ),
        (
            "--kafka-security=ssl --kafka-certificate={}/client.crt --kafka-key={}/other.key",
            [f"{NAMES['--kafka-key']} is not the key of --kafka-certificate"],
        ),
        (
            "--kafka-security=ssl --kafka-certificate={}/nowhere --kafka-key={}/client.locked.key",
            ["--kafka-certificate, is not right: the file cannot be read", "the key is encrypted"],
        ),
        (
            "--kafka-security=ssl --kafka-ca={}/nowhere",
            ["'{}/nowhere', from --kafka-ca, is not right: the file cannot be read: No such file"],
        ),
        ("--kafka-security=ssl --kafka-ca={}", ["the file cannot be read: Is a directory"]),
        ("--kafka-security=ssl --kafka-ca={}/password", ["the file holds no certificate in PEM"]),
        ("--kafka-security=ssl --kafka-ca={}/client.key", ["the file holds no certificate in PEM"]),
        ("--kafka-security=ssl --kafka-ca={}/binary", ["the file is no text in UTF-8"]),
        (
            "--kafka-security=ssl --kafka-certificate={}/client.crt --kafka-key={}/client.crt",
            ["the file holds no private key in PEM form"],
        ),
        (SASL.replace("/password", "/empty"), ["the file is empty; write the password into it"]),
        (SASL.replace("/password", "/huge"), ["the file is longer than 1 MB"]),
        (SASL.replace("/password", "/binary"), ["the file is no text in UTF-8"]),
    ],
)
def test_what_does_not_go_together_is_said_at_once(
    argv: str, said: list[str], folder: Path, pair: Pair, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line a problem, which names the flag, its variable and the fix; never the password."""
    assert pair.certificate.parent == folder
    with pytest.raises(SystemExit) as ended:
        read(argv.replace("{}", str(folder)).split())
    assert ended.value.code == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == len(said)
    for line, part in zip(lines, said, strict=True):
        assert part.replace("{}", str(folder)) in line
        assert "SPATE_KAFKA_" in line
        assert PASSWORD not in line


def test_a_password_is_no_flag(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever tries is not quoted."""
    for argv in (["--kafka-password", PASSWORD], [f"--kafka-password={PASSWORD}"]):
        with pytest.raises(SystemExit):
            read(argv)
        said = capsys.readouterr().err
        assert "there is no '--kafka-password'" in said
        assert PASSWORD not in said
