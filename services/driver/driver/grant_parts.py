"""Grants on their way in: long ones come in parts, and half an order is none."""

from __future__ import annotations

from spate.messages import Grant, Grants


class GrantParts:
    """Collects the parts of one revision; the first part of another one begins afresh."""

    def __init__(self) -> None:
        self._of = (-1, -1)
        self._parts: dict[int, Grants] = {}

    def add(self, part: Grants) -> tuple[Grant, ...] | None:
        """Take a part, in any order and any number of times; return all grants once it is whole."""
        of = (part.epoch, part.revision)
        if of != self._of:
            self._of, self._parts = of, {}
        self._parts[part.part] = part
        if len(self._parts) < part.parts:
            return None
        parts, self._parts = self._parts, {}
        return tuple(grant for each in parts.values() for grant in each.grants)
