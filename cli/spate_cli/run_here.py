"""``spate run PLAN --local``: the same plan, engine and report inside this process.

Nothing of HTTP clients, Kafka or the orchestrator is imported here: start-up is part of what a
short run costs.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import sys
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from spate.plan import Plan
from spate_cli.display import Display
from spate_cli.exits import CommandError, Exit, code_of
from spate_cli.interrupts import Interrupts
from spate_cli.progress import Progress, planned_duration_s
from spate_cli.result import check_folder, deliver
from spate_cli.run_options import RunOptions

Tell = Callable[[dict[str, Any]], None]
Engine = Callable[[Plan, str, Tell, asyncio.Event], Coroutine[Any, Any, dict[str, Any]]]
"""Runs a plan and returns its report.

It tells of its progress as ``{"event": KIND, "data": {…}}`` with the events of the live feed, and
finishes what is in flight when the event is set. Cancelled, it ends at once.
"""


def run_here(plan: Plan, options: RunOptions, engine: Engine | None = None) -> Exit:
    """Run a plan in this process and return the exit code; ``engine`` None is the real one.

    Raises:
        CommandError: if the report cannot be written.
    """
    check_folder(options.out)
    if engine is None:
        engine = importlib.import_module("spate_cli.inprocess").run_in_process
    run_id = f"local-{os.urandom(4).hex()}"
    display = options.display()
    try:
        with asyncio.Runner(loop_factory=_new_loop) as runner:
            report, interrupted = runner.run(_attend(engine, plan, run_id, display))
    finally:
        display.close()
    if report is None:
        return Exit.INTERRUPTED
    sys.stderr.write(deliver(report, options.folder(run_id), options.form) + "\n")
    return code_of(report, strict=options.strict, interrupted=interrupted)


async def _attend(
    engine: Engine, plan: Plan, run_id: str, display: Display
) -> tuple[Mapping[str, Any] | None, bool]:
    """Return the report, None if the run was aborted; and whether the user interrupted."""
    progress = Progress(run_id, plan.name, planned_duration_s(plan))

    def tell(event: dict[str, Any]) -> None:
        # Drawn when there is news only: this loop sends the load as well.
        progress.apply(str(event.get("event", "window")), event.get("data", event))
        display.show(progress)

    display.say(f"run {run_id} of {plan.name}, in this process")
    interrupts = Interrupts()
    running = asyncio.create_task(engine(plan, run_id, tell, interrupts.stop))
    abort = asyncio.create_task(interrupts.abort.wait())
    say = asyncio.create_task(_say_stopping(interrupts, display))
    try:
        await asyncio.wait({running, abort}, return_when=asyncio.FIRST_COMPLETED)
        if not running.done():
            display.say("aborted: there is no report")
            return None, True
        return running.result(), interrupts.stop.is_set()
    except OSError as error:
        raise CommandError(Exit.FAILED, f"the run failed: {error}") from error
    finally:
        for task in (running, abort, say):
            task.cancel()
        await asyncio.gather(running, abort, say, return_exceptions=True)
        interrupts.close()


async def _say_stopping(interrupts: Interrupts, display: Display) -> None:
    await interrupts.stop.wait()
    display.say("stopping: what is in flight is finished; Ctrl-C again aborts")


def _new_loop() -> asyncio.AbstractEventLoop:
    """Return uvloop's loop, which paces more exactly, or asyncio's where it is not installed."""
    try:
        loop: asyncio.AbstractEventLoop = importlib.import_module("uvloop").new_event_loop()
    except ImportError:
        return asyncio.new_event_loop()
    return loop
