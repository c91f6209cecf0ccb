"""How a driver speaks TLS to the target: built once from ``plan.tls``."""

from __future__ import annotations

import ssl
from dataclasses import dataclass

from spate.origin import Origin
from spate.plan import Tls


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """An SSL context and the name that is asked for (SNI) and verified."""

    context: ssl.SSLContext
    server_name: str


def tls_settings(tls: Tls, origin: Origin) -> TlsSettings | None:
    """Return how to speak TLS to the target, None if it speaks plain HTTP.

    With ``ca`` (PEM text) only that authority is trusted, otherwise those of the system. With
    ``verify: false`` any certificate will do. Only HTTP/1.1 is offered (ALPN).

    Raises:
        ValueError: if ``ca`` holds no certificate.
    """
    if origin.scheme != "https":
        return None
    try:
        context = ssl.create_default_context(cadata=tls.ca)
    except (ssl.SSLError, ValueError) as error:
        raise ValueError(f"tls.ca holds no certificate: {error}") from error
    if not tls.verify:
        # Asked for in the plan, and shown with it in every report.
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["http/1.1"])
    return TlsSettings(context, tls.server_name or origin.host)
