"""A session in the hands of a test: its clocks, its log and its orchestrator."""

from __future__ import annotations

from driver.levels import Levels
from driver.moment import Moment
from driver.ranges import HeldRanges
from driver.session import Session
from spate.bus import Ack
from spate.grant import Range
from spate.messages import (
    Beat,
    ClockEcho,
    Grant,
    Grants,
    Heartbeat,
    Order,
    PlanDocument,
    RunState,
)
from spate.plan import Plan, parse_plan
from spate.timing import MS, SECOND, Timing

LEVELS = Levels(in_flight=3, first_seq=2, last_seq=7, cpu=0.25, lag_p99_ns=11)
TIMING = Timing()
WALL_NS = 1_700_000_000 * SECOND
AHEAD_NS = 40 * MS
"""The orchestrator's wall clock is this much ahead of the driver's."""


def plan_of(test_type: str, count: int = 40) -> Plan:
    """A plan of so many arrivals, one each 100 ms in open load."""
    load: dict[str, object] = {"test_type": test_type, "message_count_per_driver": count}
    if test_type == "tsunami":
        load["message_delay_ms"] = 100
    return parse_plan(
        {
            "name": "p",
            "target": "http://127.0.0.1:8000",
            "requests": [{"path": "/"}],
            "load": load,
            "limits": {"connections": 3},
        }
    )


class Rig:
    """A session with a clock that the test moves and a log that answers as told."""

    def __init__(self, test_type: str = "tsunami", count: int = 40) -> None:
        self.plan = plan_of(test_type, count)
        self.session = Session("d", "b", TIMING)
        self.ns = 100 * SECOND
        self.asleep_ns = 7 * SECOND
        self.offset = 0
        self.revision = 0

    @property
    def now(self) -> Moment:
        """The present, on clocks that differ."""
        return Moment(self.ns + self.asleep_ns, self.ns, WALL_NS + self.ns)

    def wait(self, ns: int) -> None:
        """Let time pass."""
        self.ns += ns

    def sleep(self, ns: int) -> None:
        """Put the machine to sleep: CLOCK_MONOTONIC stands still meanwhile."""
        self.asleep_ns += ns

    def heartbeat(self) -> Heartbeat:
        """Send one."""
        return self.session.heartbeat(self.now, LEVELS)

    def ack(self, heartbeat: Heartbeat, *, append_ms: int | None = None) -> None:
        """Acknowledge one."""
        self.offset += 1
        stamp = self.ns // MS if append_ms is None else append_ms
        self.session.on_ack(
            heartbeat.n, Ack("t.heartbeat", 0, self.offset, stamp, True, None), self.now
        )

    def refuse(self, heartbeat: Heartbeat) -> None:
        """Let one fail."""
        self.session.on_ack(heartbeat.n, Ack("t.heartbeat", 0, -1, 0, False, "no"), self.now)

    def exchange(self) -> Heartbeat:
        """Send one and acknowledge it at once."""
        heartbeat = self.heartbeat()
        self.ack(heartbeat)
        return heartbeat

    def grants(
        self,
        *ranges: Range,
        run_id: str = "r",
        term: int | None = None,
        closed_through: int = 0,
        epoch: int = 5,
        revision: int | None = None,
        part: int = 0,
        parts: int = 1,
        named: bool = True,
    ) -> None:
        """Grant ranges to the present term (or another, or none)."""
        self.session.on_plan(
            PlanDocument(
                epoch=epoch,
                run_id=run_id,
                digest=self.plan.digest(),
                plan=self.plan.to_document(),
            )
        )
        if revision is None:
            self.revision += 1
            revision = self.revision
        grant = Grant(
            driver_id="d",
            boot_id="b",
            term=self.session.term if term is None else term,
            closed_through=closed_through,
            ranges=ranges,
        )
        other = grant.model_copy(update={"boot_id": "other"})
        self.session.on_grants(
            Grants(
                epoch=epoch,
                run_id=run_id,
                revision=revision,
                part=part,
                parts=parts,
                plan_digest=self.plan.digest(),
                count=40,
                drivers_at_start=1,
                grants=(other, grant) if named else (other,),
            ),
            self.now,
        )

    def beat(
        self,
        state: RunState | None = "RUNNING",
        *,
        run_id: str = "r",
        elapsed_ns: int | None = None,
        epoch: int = 5,
        needs: int = 1,
        echo: tuple[ClockEcho, ...] = (),
        age_ns: int = 0,
    ) -> None:
        """Beat, sent ``age_ns`` ago."""
        self.session.on_beat(
            Beat(
                epoch=epoch,
                n=1,
                run_id=run_id,
                revision=1,
                state=state,
                needs=needs,
                starts_at_ns=None,
                elapsed_ns=elapsed_ns,
                sent_at_ns=self.now.wall_ns + AHEAD_NS - age_ns,
                echo=echo,
            ),
            self.now,
        )

    def order(
        self,
        state: RunState,
        *,
        starts_at_ns: int | None = None,
        run_id: str = "r",
        needs: int = 1,
        epoch: int = 5,
    ) -> None:
        """Order a state."""
        self.session.on_order(
            Order(
                epoch=epoch,
                run_id=run_id,
                revision=2,
                state=state,
                needs=needs,
                starts_at_ns=starts_at_ns,
            ),
            self.now,
        )

    def echo(self, boot_id: str = "b", offset_ns: int = AHEAD_NS) -> ClockEcho:
        """Return a clock sample of an exchange that took no time."""
        return ClockEcho(
            driver_id="d",
            boot_id=boot_id,
            driver_sent_at_ns=self.now.wall_ns,
            orchestrator_read_at_ns=self.now.wall_ns + offset_ns,
        )

    def look(self) -> HeldRanges | None:
        """Look now."""
        return self.session.look(self.now)

    def decide(self, most: int = 1000) -> list[int]:
        """Decide what may be; return the indices."""
        held = self.look()
        found: list[int] = []
        while held is not None and len(found) < most:
            elapsed_ns = self.session.elapsed_ns(self.now)
            assert elapsed_ns is not None
            schedule = self.session.load
            assert schedule is not None
            if schedule.schedule.is_open:
                due = held.take_due(elapsed_ns)
                if due is None:
                    break
                found.append(due[0])
            else:
                free = held.take_next()
                if free is None:
                    break
                found.append(free[0])
        return found


def running(test_type: str = "tsunami") -> Rig:
    """A rig whose run has begun this instant, with all 40 arrivals granted and two claims acked."""
    rig = Rig(test_type)
    rig.exchange()
    rig.beat(None)
    rig.grants(Range(1, 0, 1, 40))
    rig.beat(elapsed_ns=0)
    rig.exchange()
    return rig
