"""A pacer wakes the loop at one absolute instant of CLOCK_MONOTONIC, to the microsecond.

The timers of event loops are no use for that: uvloop's count in milliseconds. A Linux ``timerfd``
is a file descriptor that becomes readable at the deadline; Python has it from 3.13 on, so it is
called through ctypes (``man 2 timerfd_create``).
"""

from __future__ import annotations

import asyncio
import ctypes
import os
from collections.abc import Callable

from driver.clock import Clock

_CLOCK_MONOTONIC = 1
_TFD_NONBLOCK = os.O_NONBLOCK
_TFD_CLOEXEC = os.O_CLOEXEC
_TFD_TIMER_ABSTIME = 1
_NS_PER_S = 1_000_000_000
_EXPIRATIONS_SIZE = 8


class _Timespec(ctypes.Structure):
    """``struct timespec``."""

    _fields_ = (("tv_sec", ctypes.c_long), ("tv_nsec", ctypes.c_long))


class _Itimerspec(ctypes.Structure):
    """``struct itimerspec``: the interval stays zero, so a timer fires once."""

    _fields_ = (("it_interval", _Timespec), ("it_value", _Timespec))


class Pacer:
    """Calls ``on_due`` on the loop once the armed deadline has come, never before it.

    The timer disarms itself as it fires. ``clock`` must be the system's monotonic clock: its
    reading decides whether an early wake-up is passed on.

    Raises:
        OSError: if the kernel gives no timer.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, clock: Clock, on_due: Callable[[], None]
    ) -> None:
        self._loop = loop
        self._clock = clock
        self._on_due = on_due
        self._deadline_ns: int | None = None
        self._soon: asyncio.Handle | None = None
        self._spec = _Itimerspec()
        self._spec_reference = ctypes.byref(self._spec)
        libc = ctypes.CDLL(None, use_errno=True)
        self._settime = libc.timerfd_settime
        self._settime.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
        self._fd: int = libc.timerfd_create(_CLOCK_MONOTONIC, _TFD_NONBLOCK | _TFD_CLOEXEC)
        if self._fd < 0:
            error = ctypes.get_errno()
            raise OSError(error, os.strerror(error))
        loop.add_reader(self._fd, self._readable)

    @property
    def deadline_ns(self) -> int | None:
        """The armed deadline, None if there is none."""
        return self._deadline_ns

    def arm(self, deadline_ns: int | None) -> None:
        """Set the one deadline (CLOCK_MONOTONIC ns), replacing the last; None disarms.

        A deadline in the past is due at once, in the next iteration of the loop.

        Raises:
            OSError: if the kernel refuses it.
        """
        if deadline_ns == self._deadline_ns:
            return
        self._deadline_ns = deadline_ns
        if deadline_ns is not None and self._fd >= 0 and deadline_ns <= self._clock.mono_ns():
            # On a virtual machine a timer that fires at once costs 30 µs, this one.
            if self._soon is None:
                self._soon = self._loop.call_soon(self._now)
            return
        value = self._spec.it_value
        if deadline_ns is None:
            # Zero is the kernel's word for "disarmed".
            value.tv_sec = value.tv_nsec = 0
        else:
            value.tv_sec, value.tv_nsec = divmod(max(1, deadline_ns), _NS_PER_S)
        if self._settime(self._fd, _TFD_TIMER_ABSTIME, self._spec_reference, None) != 0:
            error = ctypes.get_errno()
            raise OSError(error, os.strerror(error))

    def close(self) -> None:
        """Free the timer; closing twice does nothing."""
        if self._fd >= 0:
            if self._soon is not None:
                self._soon.cancel()
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self._fd = -1
            self._deadline_ns = None

    def _now(self) -> None:
        self._soon = None
        self._strike()

    def _readable(self) -> None:
        try:
            os.read(self._fd, _EXPIRATIONS_SIZE)
        except BlockingIOError:
            # Re-armed between the wake-up and this call.
            return
        self._strike()

    def _strike(self) -> None:
        deadline_ns = self._deadline_ns
        if deadline_ns is None or self._clock.mono_ns() < deadline_ns:
            return
        self._deadline_ns = None
        self._on_due()
