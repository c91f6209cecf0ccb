"""What a driver's log is told of its runs: taken up, begun, ended, and why it stopped by itself.

Pure but for the log. Each change is told once, so that an absence of Kafka is two lines and not
two lines a second.
"""

from __future__ import annotations

import logging

from driver.closure import Closure
from driver.session import Session
from spate.messages import RunState

_LOG = logging.getLogger("driver")


class RunLog:
    """Compares a session with what was told of it."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._run_id: str | None = None
        self._state: RunState | None = None
        self._refusal: str | None = None
        self._fenced = False

    def look(self) -> None:
        """Tell what is new since the last call."""
        session = self._session
        load = session.load
        if load is None:
            return
        extra = {"run_id": load.run_id}
        if load.run_id != self._run_id:
            self._run_id, self._state, self._refusal = load.run_id, session.state, None
            self._fenced = False
            _LOG.info("run %s is taken up", load.run_id, extra=extra)
        if session.state is not None and session.state != self._state:
            self._state = session.state
            _LOG.info(
                "run %s is %s",
                load.run_id,
                session.state,
                extra=extra | {"state": str(session.state)},
            )
        if self._fenced and session.undecided:
            self._fenced = False
            text = "run %s: work is granted anew, for term %d"
            _LOG.info(text, load.run_id, session.term, extra=extra)
        if session.refusal != self._refusal:
            self._refusal = session.refusal
            text = "run %s: no part is taken in it: %s"
            _LOG.warning(text, load.run_id, session.refusal, extra=extra)

    def closed(self, closure: Closure) -> None:
        """Tell of a term that closed with work in hand while the run was not at its end (R3)."""
        session = self._session
        load, told = session.load, session.endings.told
        held = any(term.term == closure.term for term in told)
        if load is None or not held or closure.cause in ("state", "leaving", "refused"):
            return
        self._fenced = True
        _LOG.warning(
            "run %s: term %d is over (%s): nothing is sent until work is granted anew",
            load.run_id,
            closure.term,
            closure.cause,
            extra={"run_id": load.run_id},
        )
