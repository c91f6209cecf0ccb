"""Becomes another command that ends when its parent does: ``leash.py PARENT_PID COMMAND…``.

The parent starts this instead of the command. It asks Linux for a SIGKILL at the parent's end,
which outlasts ``exec``, and then *is* the command: same process id, nothing in between. Doing it
here and not between fork and exec of the parent keeps Python code out of a forked process.
It imports no package, so it starts in a few milliseconds.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Take the leash, then become the command."""
    parent, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it ended before the request was made
            sys.exit(1)
    try:
        os.execv(command[0], command)  # noqa: S606 - to be the command, not its parent
    except OSError as error:
        sys.exit(f"cannot start {command[0]}: {error.strerror}")


if __name__ == "__main__":
    main()
