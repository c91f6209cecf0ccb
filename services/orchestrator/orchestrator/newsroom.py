"""Tells the live feed what became of each run, and takes ended runs to the archive."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from orchestrator.archive import Archive, ArchiveError
from orchestrator.director import Director
from orchestrator.directory import Directory
from orchestrator.facts import ledger_facts, run_facts
from orchestrator.feed import Feeds
from orchestrator.filing import Filing, prepare
from orchestrator.journal import forget_records
from orchestrator.row_turns import RowTurns
from orchestrator.run_figures import Trust
from orchestrator.run_log import log_account, log_events
from orchestrator.run_view import end_data, fleet_data, snapshot_data, state_data, window_data
from orchestrator.terms import Now
from orchestrator.writer import Writer
from spate.aggregator import Added, Aggregator
from spate.bus import Received
from spate.live import live_view
from spate.messages import SnapshotMessage
from spate.report_windows import rows_at
from spate.schedule import plan_schedule
from spate.snapshot_parts import Parts
from spate.topics import Topics

_LOG = logging.getLogger("orchestrator")
_PAUSE_CALLS = 20
"""After a failure of the archive so many calls of ``file`` do nothing."""


class Newsroom:
    """Tells what becomes of runs; what it archives is journaled.

    What is decided is told once it is committed. ``tick`` tells what was noted since, of which the
    journal may still hold nothing.
    ``waiting_for`` says what keeps everything from going on, None if nothing does; ``revision`` is
    the highest that the journal holds.
    ``on_filed`` is told of a run, and how far to trust it, before it is forgotten.
    ``snapshot_counts`` counts snapshots by what became of them: merged, duplicate, late, foreign.
    """

    def __init__(
        self,
        *,
        feeds: Feeds,
        archive: Archive,
        directory: Directory,
        writer: Writer,
        topics: Topics,
        waiting_for: Callable[[], str | None],
        on_filed: Callable[[str, Trust], None],
        revision: int = 0,
    ) -> None:
        self._feeds = feeds
        self._archive = archive
        self._directory = directory
        self._writer = writer
        self._topics = topics
        self._waiting_for = waiting_for
        self._on_filed = on_filed
        self._told: dict[str, _Told] = {}
        self._revision = revision
        self._pause = 0
        self.snapshot_counts: Counter[str] = Counter()

    def open(self, director: Director) -> None:
        """Begin the feed of a new run."""
        self._feeds.open(director.run.id, lambda: self.snapshot(director))
        told = self._told[director.run.id] = _Told()
        told.ended = director.run.ended  # by another process, which journaled it
        told.logged = len(director.run.events)
        if director.aggregator is not None:
            # What another process merged is in the snapshot with which everybody begins.
            told.revision = director.aggregator.revision

    def take(
        self, message: SnapshotMessage, record: Received, now: Now, parts: Parts | None = None
    ) -> Added:
        """Merge a snapshot into its run; return what became of it.

        Raises:
            ValueError: if it does not fit the run's plan, or tells of what is long after now.
        """
        director = self._directory.find(message.run_id)
        became: Added = "late"
        if director is not None:
            became = director.merge(message, record.partition, record.offset, now, parts)
        if became == "merged":
            self._told[message.run_id].turns.changed(message.driver_id)
        self.snapshot_counts[became] += 1
        return became

    @property
    def gaps(self) -> int:
        """How many snapshots of the runs here are missing between others now."""
        merged = (director.aggregator for director in self._directory)
        return sum(aggregator.gaps for aggregator in merged if aggregator is not None)

    def trust(self, run_id: str) -> Trust:
        """Return how far to trust a run that is here, by its report or, before, its last view."""
        told = self._told[run_id]
        if told.filing is None:
            return Trust(told.degraded)
        verdict = told.filing.report["verdict"]
        return Trust(_reasons(verdict["degraded"]), verdict["passed"])

    def view(self, director: Director, drivers: Iterable[str] | None = None) -> dict[str, Any]:
        """Return the body of ``GET /runs/{id}``; with ``drivers`` the rows of these alone."""
        aggregator = _aggregator(director)
        facts = run_facts(director.run, None if director.run.ended else self._waiting_for())
        view = live_view(facts, aggregator, ledger_facts(director.ledger), drivers)
        self._told[director.run.id].degraded = _reasons(view["degraded"])
        return view

    def snapshot(self, director: Director) -> dict[str, Any]:
        """Return the view and all windows so far."""
        return snapshot_data(self.view(director), self._windows(director, 0))

    def committed(self, director: Director) -> None:
        """Publish what was journaled of a run; its end may be archived from now on."""
        self._told[director.run.id].ended = director.run.ended
        if director.run.ended:
            self._publish_windows(director)  # no tick comes any more
            while self._told[director.run.id].turns:
                self._publish_windows(director)
        self.change(director)

    def change(self, director: Director) -> None:
        """Publish a run's new state and events."""
        told = self._told[director.run.id]
        told.logged = log_events(director.run, told.logged)
        feed = self._feeds.find(director.run.id)
        if feed is None:
            return
        rows = director.run.event_rows()
        new, state = rows[told.events :], (director.run.state, self._waiting_for())
        if not new and state == told.state:
            return
        view = self.view(director, ())  # what happened may be a reason for doubt, too
        for row in new:
            feed.publish("fleet", fleet_data(row))
        told.events = len(rows)
        if state != told.state:
            told.state = state
            feed.publish("state", state_data(view))

    def tick(self) -> None:
        """Publish what is new of every run under way."""
        for director in self._directory.under_way():
            self.change(director)
            self._publish_windows(director)

    async def file(self, read_to: Mapping[int, int]) -> None:
        """Put every run into the archive whose end is journaled, and then forget it.

        ``read_to`` is how far ``metrics`` was merged: of a run that another process ended all
        must have been read again.
        """
        if self._pause:
            self._pause -= 1
            return
        for director in self._directory:
            ends = director.bookmarks.metrics_ends or {}
            read = all(read_to[p] >= end for p, end in ends.items())
            if self._told[director.run.id].ended and read and not self._pause:
                await self._file(director)

    async def _file(self, director: Director) -> None:
        run, told = director.run, self._told[director.run.id]
        if told.filing is None:
            told.filing = await _prepare(director)
            log_account(told.filing.report)
        report = told.filing.report
        try:
            await self._archive.put(
                report,
                told.filing.windows,
                idempotency_key=run.idempotency_key,
                body_digest=run.body_digest,
            )
        except ArchiveError as error:
            if str(error) != told.unfiled:
                told.unfiled = str(error)
                text = "run %s could not be archived, it is tried again: %s"
                _LOG.error(text, run.id, error, extra={"run_id": run.id})
            self._pause = _PAUSE_CALLS
            return
        if told.unfiled is not None:
            _LOG.info("run %s is archived", run.id, extra={"run_id": run.id})
        self.change(director)
        self._on_filed(run.id, self.trust(run.id))
        self._directory.drop(run.id)
        self._feeds.finish(run.id, end_data(report))
        self._told.pop(run.id, None)
        self._revision = max(self._revision, director.orders.revision)
        tombstones = forget_records(self._topics.runs, run.id, director.bookmarks, self._revision)
        await self._writer.commit(tombstones)

    def _publish_windows(self, director: Director) -> None:
        """Publish the windows that changed since the last time, and the rows whose turn it is."""
        feed, told = self._feeds.find(director.run.id), self._told[director.run.id]
        aggregator, drivers = director.aggregator, told.turns.take()
        if feed is None or aggregator is None:
            return
        if aggregator.revision == told.revision and not drivers:
            return
        windows = self._windows(director, told.revision)
        told.revision = aggregator.revision
        feed.publish("window", window_data(self.view(director, drivers), windows))

    def _windows(self, director: Director, since: int) -> list[dict[str, Any]]:
        aggregator = director.aggregator
        if aggregator is None:
            return []
        facts = ledger_facts(director.ledger)
        return rows_at(aggregator, facts, aggregator.changed_since(since))


class _Told:
    """What the feed and the log were told of a run already, and whether its end is journaled.

    ``unfiled`` is why it could not be archived yet, as the log was told.
    """

    def __init__(self) -> None:
        self.state: tuple[str, str | None] | None = None
        self.events = 0
        self.logged = 0
        self.revision = 0
        self.turns = RowTurns()
        self.ended = False
        self.filing: Filing | None = None
        self.degraded: tuple[str, ...] = ()
        self.unfiled: str | None = None


def _reasons(degraded: list[dict[str, str]]) -> tuple[str, ...]:
    """Return the words by which doubts go, each once."""
    return tuple(dict.fromkeys(doubt["reason"] for doubt in degraded))


async def _prepare(director: Director) -> Filing:
    """Make the report in a thread: of a day with several requests that takes a minute or more.

    Nothing is merged any more, so both may read what there is.
    """
    aggregator = _aggregator(director)
    aggregator.close()
    facts, ledger = run_facts(director.run), ledger_facts(director.ledger)
    return await asyncio.to_thread(prepare, facts, aggregator, ledger)


def _aggregator(director: Director) -> Aggregator:
    """Return the run's aggregator; before its count is fixed, an empty one."""
    if director.aggregator is not None:
        return director.aggregator
    run = director.run
    return Aggregator(run.plan, plan_schedule(run.plan, run.fleet_size), run.id)
