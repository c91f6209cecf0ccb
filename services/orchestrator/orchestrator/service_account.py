"""The service account that Kubernetes mounts into a pod: how a process knows that it is in one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """The folder with the token, the cluster's certificate and the namespace."""

    folder: Path = Path("/var/run/secrets/kubernetes.io/serviceaccount")

    @property
    def token(self) -> Path:
        """The file with the token; kubelet writes a new one into it before the old one ends."""
        return self.folder / "token"

    @property
    def certificate(self) -> Path:
        """The file with the certificates by which the API server is known."""
        return self.folder / "ca.crt"

    @property
    def mounted(self) -> bool:
        """Whether there is a token."""
        return self.token.is_file()

    def namespace(self) -> str | None:
        """Return the pod's own namespace, None if that is not said."""
        try:
            return (self.folder / "namespace").read_text().strip() or None
        except (OSError, UnicodeDecodeError):
            return None
