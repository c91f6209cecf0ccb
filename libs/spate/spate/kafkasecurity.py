"""How we prove to Kafka who we are, and whom we trust: the flags of both services.

Files are read once, at the start: what is wrong with them is said together with all else that is
wrong with the flags. The password is kept out of every text; only its file is ever named.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from spate.flags import GIVEN, Flag, one_of, words

_MAX_FILE_BYTES: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class KafkaSecurity:
    """What the flags said; without any, plaintext. Files are PEM and named by their path."""

    security: str = "plaintext"
    sasl_mechanism: str = "SCRAM-SHA-512"
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca: str | None = None
    certificate: str | None = None
    key: str | None = None

    def client_settings(self) -> dict[str, str]:
        """Return the settings for the client library; nothing where all is plain."""
        if self.security == "plaintext":
            return {}
        named = {
            "security.protocol": self.security,
            "ssl.ca.location": self.ca,
            "ssl.certificate.location": self.certificate,
            "ssl.key.location": self.key,
            "sasl.username": self.username,
            "sasl.password": self.password,
            "sasl.mechanism": self.sasl_mechanism if _is_sasl(self.security) else None,
        }
        return {name: value for name, value in named.items() if value is not None}


def _is_sasl(security: str) -> bool:
    return security.startswith("sasl_")


def _is_tls(security: str) -> bool:
    return security.endswith("ssl")


def _read(path: str) -> str:
    """Return the text of a file.

    Raises:
        ValueError: if it cannot be read, is no text, or is far too long.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise ValueError(f"the file cannot be read: {error.strerror}") from None
    if len(content) > _MAX_FILE_BYTES:
        raise ValueError("the file is longer than 1 MB; name the right one")
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise ValueError("the file is no text in UTF-8") from None


def _password(path: str) -> str:
    """Return what a password file holds, without the newline that editors put at its end."""
    password = _read(path).removesuffix("\n").removesuffix("\r")
    if not password:
        raise ValueError("the file is empty; write the password into it")
    return password


def _certificates(path: str) -> str:
    """Return the path, if certificates in PEM form are there."""
    text = _read(path)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=text)
    except (ssl.SSLError, ValueError):
        raise ValueError("the file holds no certificate in PEM form") from None
    return path


def _private_key(path: str) -> str:
    """Return the path, if a private key in PEM form is there that needs no password."""
    text = _read(path)
    if "PRIVATE KEY-----" not in text:
        raise ValueError("the file holds no private key in PEM form")
    if "ENCRYPTED" in text:
        raise ValueError("the key is encrypted; decrypt it, for example with `openssl pkey`")
    return path


_SECURITY = Flag(
    "kafka-security",
    "SPATE_KAFKA_SECURITY",
    "plaintext",
    one_of("plaintext", "ssl", "sasl_plaintext", "sasl_ssl"),
    "How to speak to Kafka: plaintext, ssl, sasl_plaintext or sasl_ssl.",
)
_MECHANISM = Flag(
    "kafka-sasl-mechanism",
    "SPATE_KAFKA_SASL_MECHANISM",
    "SCRAM-SHA-512",
    one_of("SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"),
    "How to log in with SASL: SCRAM-SHA-512, SCRAM-SHA-256 or PLAIN.",
)
_USERNAME = Flag(
    "kafka-username", "SPATE_KAFKA_USERNAME", None, words, "Who to log in as, with SASL."
)
_PASSWORD = Flag(
    "kafka-password-file",
    "SPATE_KAFKA_PASSWORD_FILE",
    None,
    _password,
    "A file that holds the password, with SASL. The password itself is no flag.",
)
_CA = Flag(
    "kafka-ca",
    "SPATE_KAFKA_CA",
    None,
    _certificates,
    "A PEM file of the authorities that may vouch for Kafka's certificate; without it, those of "
    "the system.",
)
_CERTIFICATE = Flag(
    "kafka-certificate",
    "SPATE_KAFKA_CERTIFICATE",
    None,
    _certificates,
    "A PEM file of the certificate to show to Kafka, with its chain.",
)
_KEY = Flag(
    "kafka-key", "SPATE_KAFKA_KEY", None, _private_key, "A PEM file of that certificate's key."
)

KAFKA_SECURITY_FLAGS: Final = (
    _SECURITY,
    _MECHANISM,
    _USERNAME,
    _PASSWORD,
    _CA,
    _CERTIFICATE,
    _KEY,
)


def check_security(values: Mapping[str, Any]) -> Iterable[str]:
    """Say what is wrong with these flags together; for ``parse_flags``."""
    security = values[_SECURITY.key]
    if security is not GIVEN:
        wanted = f"{_SECURITY.names} is {security}"
        for flag in (_USERNAME, _PASSWORD):
            if _is_sasl(security) and values[flag.key] is None:
                yield f"{flag.names} is missing: {wanted}, which needs it"
            if not _is_sasl(security) and values[flag.key] is not None:
                yield f"{flag.names} is of no use: {wanted}; make that sasl_ssl, or remove this"
        for flag in (_CA, _CERTIFICATE, _KEY):
            if not _is_tls(security) and values[flag.key] is not None:
                yield f"{flag.names} is of no use: {wanted}; make that ssl or sasl_ssl"
    yield from _check_pair(values[_CERTIFICATE.key], values[_KEY.key])


def _check_pair(certificate: Any, key: Any) -> Iterable[str]:
    if certificate is None and key is None:
        return
    for flag, value, other in ((_CERTIFICATE, certificate, _KEY), (_KEY, key, _CERTIFICATE)):
        if value is None:
            yield f"{flag.names} is missing: {other.option} is given, and needs it"
    if isinstance(certificate, str) and isinstance(key, str):
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(certificate, key, "")
        except (ssl.SSLError, OSError):
            yield f"{_KEY.names} is not the key of {_CERTIFICATE.option}; name the two of one pair"


def take_security(values: dict[str, Any]) -> KafkaSecurity:
    """Take what these flags said out of the values of all flags."""
    return KafkaSecurity(
        security=values.pop(_SECURITY.key),
        sasl_mechanism=values.pop(_MECHANISM.key),
        username=values.pop(_USERNAME.key),
        password=values.pop(_PASSWORD.key),
        ca=values.pop(_CA.key),
        certificate=values.pop(_CERTIFICATE.key),
        key=values.pop(_KEY.key),
    )
