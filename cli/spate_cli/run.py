"""``spate run``: starts a run, follows it, delivers its report, says by exit code how it was."""

from __future__ import annotations

import asyncio
import secrets
import sys
from collections.abc import Mapping
from typing import Any

from spate_cli.client import Api, ApiError
from spate_cli.display import Display
from spate_cli.exits import CommandError, Exit, code_of
from spate_cli.follow import STAND_STILL_S, Follower, Patience, Standstill
from spate_cli.interrupts import Interrupts
from spate_cli.plan_file import PlanFile, bad_plan
from spate_cli.progress import Progress, planned_duration_s
from spate_cli.result import check_folder, deliver
from spate_cli.run_options import RunOptions

_REDRAW_EVERY_S = 0.25
_SUBMIT_TRIES = 3


async def run_plan(file: PlanFile, url: str, token: str | None, options: RunOptions) -> Exit:
    """Run a plan on the orchestrator at ``url`` and return the exit code.

    Raises:
        CommandError: if it was not accepted, or nobody answers any more.
    """
    check_folder(options.out)
    async with Api(url, token) as api:
        interrupts = Interrupts()
        try:
            run_id = await _submit(api, file.document)
            display = options.display()
            try:
                progress = Progress(run_id, file.plan.name, planned_duration_s(file.plan))
                report = await _attend(api, progress, display, interrupts)
            finally:
                display.close()
        finally:
            interrupts.close()
    if report is None:
        return Exit.INTERRUPTED
    sys.stderr.write(deliver(report, options.folder(run_id), options.form) + "\n")
    return code_of(report, strict=options.strict, interrupted=interrupts.stop.is_set())


async def _submit(api: Api, document: Any) -> str:
    """Start the run and return its id.

    The key makes a repetition harmless: an answer that was lost does not start a second run.
    """
    key = secrets.token_hex(16)
    for attempt in range(1, _SUBMIT_TRIES + 1):
        try:
            answer = await api.call(
                "POST", "/runs", {"plan": document}, headers={"Idempotency-Key": key}
            )
        except ApiError as error:
            if error.status is None and attempt < _SUBMIT_TRIES:
                await asyncio.sleep(attempt)
                continue
            raise refusal(error) from None
        return str(answer.get("id") or answer["run"]["id"])
    raise AssertionError("unreachable: the last attempt returns or raises")


def refusal(error: ApiError) -> CommandError:
    """Return how a command ends that the orchestrator refused, or did not hear."""
    if error.errors and error.code is Exit.USAGE:
        return bad_plan(error.errors)
    lines = [str(error), *(f"{path}: {message}" for path, message in error.errors)]
    return CommandError(error.code, "\n  ".join(lines))


async def _attend(
    api: Api, progress: Progress, display: Display, interrupts: Interrupts
) -> Mapping[str, Any] | None:
    """Follow the run to its end and return its report; None if the user left before.

    Raises:
        CommandError: if nobody answers any more.
    """
    display.say(f"run {progress.run_id} of {progress.name}")
    patience = Patience(progress, display)
    # One of them raises or returns; the others go on as long as it takes.
    ended = asyncio.create_task(_to_report(api, progress, display, patience))
    left = asyncio.create_task(interrupts.leave.wait())
    stuck = asyncio.create_task(Standstill(progress).until_too_long())
    others = [
        asyncio.create_task(_redraw(progress, display)),
        asyncio.create_task(_pass_on(api, progress, display, interrupts)),
    ]
    try:
        await asyncio.wait({ended, left, stuck}, return_when=asyncio.FIRST_COMPLETED)
        if stuck.done() and not ended.done():
            raise CommandError(
                Exit.FAILED,
                f"the run has waited for {stuck.result()} for {STAND_STILL_S:g} s; "
                f"see later how it ended: spate report {progress.run_id}",
            )
        if not ended.done():
            display.say(f"left; the run may go on: spate stop {progress.run_id}")
            return None
        return ended.result()
    except ApiError as error:
        code = Exit.INTERRUPTED if interrupts.stop.is_set() else error.code
        hint = f"see later how it ended: spate report {progress.run_id}"
        raise CommandError(code, f"lost sight of the run: {error}; {hint}") from None
    finally:
        for task in (ended, left, stuck, *others):
            task.cancel()
        await asyncio.gather(ended, left, stuck, *others, return_exceptions=True)


async def _to_report(
    api: Api, progress: Progress, display: Display, patience: Patience
) -> Mapping[str, Any]:
    await Follower(api, progress, display, patience).until_end()

    async def fetch() -> Mapping[str, Any]:
        report: Mapping[str, Any] = await api.call("GET", f"/runs/{progress.run_id}/report")
        return report

    return await patience.until_done(fetch)


async def _redraw(progress: Progress, display: Display) -> None:
    while True:
        display.show(progress)
        await asyncio.sleep(_REDRAW_EVERY_S)


async def _pass_on(api: Api, progress: Progress, display: Display, interrupts: Interrupts) -> None:
    """Pass Ctrl-C on to the run: the first stops it, the second aborts it."""
    await interrupts.stop.wait()
    display.say("stopping the run: what is in flight is finished; Ctrl-C again aborts it")
    stopping = asyncio.create_task(_order(api, progress, "stop"))
    try:
        await interrupts.abort.wait()
    finally:
        stopping.cancel()
    display.say("aborting the run; Ctrl-C again leaves it alone")
    await _order(api, progress, "abort")


async def _order(api: Api, progress: Progress, verb: str) -> None:
    """Give an order until it is taken, or the run is past it."""
    while True:
        try:
            await api.call("POST", f"/runs/{progress.run_id}/{verb}")
        except ApiError as error:
            if not error.may_pass:
                return
            await asyncio.sleep(1)
        else:
            return
