"""What the environment says to a run inside the command's own process."""

from __future__ import annotations

import os

from driver.lane import lane_wanted
from spate.allowlist import DEFAULT, Allowlist
from spate_cli.exits import CommandError, Exit


def allowed_targets() -> Allowlist:
    """Read ``SPATE_ALLOWED_TARGETS``.

    Raises:
        CommandError: if it is malformed.
    """
    text = os.environ.get("SPATE_ALLOWED_TARGETS")
    try:
        return Allowlist.parse(text) if text else DEFAULT
    except ValueError as error:
        raise CommandError(Exit.USAGE, f"SPATE_ALLOWED_TARGETS: {error}") from error


def lane() -> bool:
    """Read ``SPATE_DRIVER_LANE``: whether the driver may use its lane.

    Raises:
        CommandError: if it is neither on nor off.
    """
    try:
        return lane_wanted(os.environ.get("SPATE_DRIVER_LANE", "on"))
    except ValueError as error:
        raise CommandError(Exit.USAGE, f"SPATE_DRIVER_LANE: {error}") from error
