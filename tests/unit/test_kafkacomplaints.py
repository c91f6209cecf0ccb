"""What the client library complains of becomes a sentence, and a decision: to wait or to end."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaError

from spate.bus import BusError, RefusedError
from spate.kafkacomplaints import Complaints, is_forbidden

ALL_DOWN = KafkaError(KafkaError._ALL_BROKERS_DOWN, "1/1 brokers are down")
PLACE = "sasl_ssl://kafka:9093/bootstrap"
LOGIN = KafkaError(
    KafkaError._AUTHENTICATION,
    f"{PLACE}: SASL authentication error: invalid credentials "
    "(after 313ms in state AUTH_REQ, 1 identical error(s) suppressed)",
)
TRUST = KafkaError(
    KafkaError._SSL,
    f"{PLACE}: SSL handshake failed: error:0A000086:SSL routines::certificate verify failed: "
    "broker certificate could not be verified (after 12ms in state SSL_HANDSHAKE)",
)
ALERT = KafkaError(
    KafkaError._TRANSPORT,
    f"{PLACE}: Receive failed: tlsv13 alert certificate required: SSL alert number 116 "
    "(after 2ms in state APIVERSION_QUERY)",
)
PLAIN = KafkaError(
    KafkaError._TRANSPORT,
    f"{PLACE}: SSL handshake failed: Disconnected: connecting to a PLAINTEXT broker listener? "
    "(after 3ms in state SSL_HANDSHAKE)",
)
CLOSED = KafkaError(KafkaError._TRANSPORT, f"{PLACE}: Disconnected (after 3ms in state UP)")
REFUSED = KafkaError(
    KafkaError._TRANSPORT, f"{PLACE}: Connect failed: Connection refused (after 0ms in state X)"
)
CUT_OFF = KafkaError(KafkaError._AUTHENTICATION, f"{PLACE}: Disconnected (after 3ms in state Y)")


def explain(*errors: KafkaError) -> tuple[type[BusError], str]:
    """Return what becomes of these complaints."""
    complaints = Complaints()
    for error in errors:
        complaints.note(error)
    found = complaints.explain()
    return type(found), str(found)


@pytest.mark.parametrize(
    ("error", "begin", "flag"),
    [
        (
            LOGIN,
            f"Kafka refuses the login: {PLACE}: SASL authentication error: invalid credentials; ",
            "--kafka-password-file",
        ),
        (TRUST, f"the certificate of {PLACE} is not trusted; ", "--kafka-ca (SPATE_KAFKA_CA)"),
        (ALERT, "Kafka does not accept our certificate: ", "--kafka-certificate and --kafka-key"),
    ],
)
def test_who_is_refused_is_told_what_to_check(error: KafkaError, begin: str, flag: str) -> None:
    """Waiting does not help; it is certain once all brokers were tried, whatever else was said."""
    kind, text = explain(error)
    assert kind is RefusedError
    assert text.startswith(begin)
    assert flag in text
    complaints = Complaints()
    for each in (REFUSED, error, ALL_DOWN):
        assert not complaints.final
        complaints.note(each)
    assert complaints.final


@pytest.mark.parametrize(
    ("errors", "text"),
    [
        ((), "no answer"),
        ((REFUSED, ALL_DOWN), f"no answer: {PLACE}: Connect failed: Connection refused"),
        ((CUT_OFF, ALL_DOWN), f"no answer: {PLACE}: Disconnected"),
        (
            (CLOSED, PLAIN, ALL_DOWN, CLOSED),
            (
                f"{PLACE}: SSL handshake failed: Disconnected: connecting to a PLAINTEXT broker "
                "listener?; check --kafka-security (SPATE_KAFKA_SECURITY)"
            ),
        ),
        (
            (ALL_DOWN,),
            (
                "the connection is closed without a word, as it is where TLS or SASL is expected; "
                "check --kafka-security (SPATE_KAFKA_SECURITY)"
            ),
        ),
    ],
)
def test_what_may_pass_is_waited_for(errors: tuple[KafkaError, ...], text: str) -> None:
    """A broker that starts refuses connections or closes them, and so does a wrong protocol."""
    complaints = Complaints()
    for each in errors:
        complaints.note(each)
    assert not complaints.final
    found = complaints.explain()
    assert type(found) is BusError
    assert str(found).removeprefix("no answer: ") == text.removeprefix("no answer: ")


def test_missing_rights_are_known() -> None:
    """Kafka knows us and does not let us do this."""
    assert is_forbidden(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED))
    assert is_forbidden(KafkaError(KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED))
    assert not is_forbidden(ALL_DOWN)
