"""Certificates for tests: authorities, and what they vouch for, as PEM files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)


@dataclass(frozen=True)
class Pair:
    """A certificate with its chain, its key, and both in one file with the key as PKCS #8."""

    certificate: Path
    key: Path
    both: Path
    locked_key: Path


class Authority:
    """An authority whose files lie below ``folder``."""

    def __init__(self, folder: Path, name: str) -> None:
        self._ca = trustme.CA()
        self._folder = folder
        self.path = folder / f"{name}-ca.pem"
        self._ca.cert_pem.write_to_path(str(self.path))

    def issue(self, name: str, *hosts: str) -> Pair:
        """Return a certificate for these hosts."""
        made = self._ca.issue_cert(*hosts)
        chain = b"".join(each.bytes() for each in made.cert_chain_pems)
        private = load_pem_private_key(made.private_key_pem.bytes(), None)
        plain = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        locked = private.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"locked")
        )
        return Pair(
            certificate=self._write(f"{name}.crt", chain),
            key=self._write(f"{name}.key", made.private_key_pem.bytes()),
            both=self._write(f"{name}.pem", plain + chain),
            locked_key=self._write(f"{name}.locked.key", locked),
        )

    def _write(self, name: str, content: bytes) -> Path:
        path = self._folder / name
        path.write_bytes(content)
        return path
