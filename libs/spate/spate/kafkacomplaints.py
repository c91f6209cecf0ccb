"""What Kafka's client library complains of while no broker serves us, in words that help."""

from __future__ import annotations

import re
from typing import Final

from confluent_kafka import KafkaError

from spate.bus import BusError, RefusedError

_ALERT: Final = "SSL alert"
_NOT_TRUSTED: Final = "certificate verify failed"
_AFTERWORD: Final = re.compile(r" \(after \d+ms in state .*\)$")
"""How long it took and how often it was said: of no use to whoever reads it."""

_LOGIN: Final = (
    "check --kafka-username, --kafka-password-file and --kafka-sasl-mechanism "
    "(SPATE_KAFKA_USERNAME, SPATE_KAFKA_PASSWORD_FILE, SPATE_KAFKA_SASL_MECHANISM), "
    "and that Kafka's listener is one for SASL"
)
_TRUST: Final = (
    "check --kafka-ca (SPATE_KAFKA_CA), and that the certificate names the host that "
    "--kafka (SPATE_KAFKA_BOOTSTRAP) names"
)
_OURS: Final = (
    "check --kafka-certificate and --kafka-key (SPATE_KAFKA_CERTIFICATE, SPATE_KAFKA_KEY)"
)
_PROTOCOL: Final = "check --kafka-security (SPATE_KAFKA_SECURITY)"

_FORBIDDEN: Final = frozenset(
    {
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
    }
)


def is_forbidden(error: KafkaError) -> bool:
    """Tell whether Kafka knows us and does not let us do this."""
    return error.code() in _FORBIDDEN


class Complaints:
    """The errors of one client until a broker serves it; ``note`` is its ``error_cb``.

    Whom Kafka refuses (a wrong password, a certificate that one side does not trust) is not
    helped by trying again. All else may pass: a broker that starts or is being moved refuses
    connections, or closes them without a word.
    """

    def __init__(self) -> None:
        self._all_down = False
        self._refusal: str | None = None
        self._trouble: str | None = None

    def note(self, error: KafkaError) -> None:
        """Keep an error."""
        text = _AFTERWORD.sub("", error.str())
        code = error.code()
        if code == KafkaError._ALL_BROKERS_DOWN:  # noqa: SLF001 - the library's name
            self._all_down = True
        elif code == KafkaError._AUTHENTICATION and "isconnect" not in text:  # noqa: SLF001 - the same
            self._refusal = f"Kafka refuses the login: {text}; {_LOGIN}"
        elif _NOT_TRUSTED in text:
            place = text.partition(": ")[0]
            self._refusal = f"the certificate of {place} is not trusted; {_TRUST}"
        elif _ALERT in text:
            self._refusal = f"Kafka does not accept our certificate: {text}; {_OURS}"
        elif code == KafkaError._SSL or "SSL handshake" in text:  # noqa: SLF001 - the same
            self._trouble = f"{text}; {_PROTOCOL}"
        elif self._trouble is None:
            self._trouble = text

    @property
    def final(self) -> bool:
        """True once every broker was tried, and one of them refused us."""
        return self._all_down and self._refusal is not None

    def explain(self) -> BusError:
        """Return the error for all that was noted."""
        if self._refusal is not None:
            return RefusedError(self._refusal)
        if self._trouble is not None:
            return BusError(f"no answer: {self._trouble}")
        if self._all_down:
            # A connection that cannot be made is complained of; this one was made and closed.
            return BusError(
                "the connection is closed without a word, as it is where TLS or SASL is expected; "
                f"{_PROTOCOL}"
            )
        return BusError("no answer")
