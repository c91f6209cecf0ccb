"""A copy of one collection of the cluster's objects, kept up by the events of a watch; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Generic, TypeVar

from orchestrator.cluster_trouble import ClusterError, ExpiredError
from orchestrator.pods import Document, part, text

Item = TypeVar("Item")


class Mirror(Generic[Item]):
    """The objects by name, as ``read`` makes them.

    ``version`` is the resource version from which a watch goes on; None: all must be listed.
    """

    def __init__(self, read: Callable[[Document], Item]) -> None:
        self.items: dict[str, Item] = {}
        self.version: str | None = None
        self._read = read

    def load(self, documents: Iterable[Document], version: str) -> None:
        """Take a whole list in place of what was known."""
        self.items = {_name(document): self._read(document) for document in documents}
        self.version = version

    def apply(self, event: Document) -> None:
        """Take one event of a watch.

        Raises:
            ExpiredError: if the API has forgotten the version from which the watch went on.
            ClusterError: if it says that something else went wrong.
        """
        kind, document = event.get("type"), part(event, "object")
        if kind == "ERROR":
            code = document.get("code")
            message = text(document, "message") or "the watch was broken off"
            if code == HTTPStatus.GONE:
                raise ExpiredError(message)
            raise ClusterError(code if isinstance(code, int) else None, message)
        if kind in ("ADDED", "MODIFIED"):
            self.items[_name(document)] = self._read(document)
        elif kind == "DELETED":
            self.items.pop(_name(document), None)
        # A bookmark has nothing but a version; what is unknown is at least as new.
        self.version = text(part(document, "metadata"), "resourceVersion") or self.version


def _name(document: Document) -> str:
    return text(part(document, "metadata"), "name") or ""
