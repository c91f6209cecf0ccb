"""The commands that ask or tell the orchestrator one thing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from spate_cli.client import PREFIX, Api, ApiError
from spate_cli.exits import CommandError, Exit
from spate_cli.fleet_text import fleet_text, size_line
from spate_cli.plan_file import PlanFile
from spate_cli.preview import preview_line
from spate_cli.quantities import NOTHING, duration
from spate_cli.result import Format, print_out, write_atomically
from spate_cli.run import refusal
from spate_cli.table import table

_PERCENT = 100


async def validate(file: PlanFile, url: str, token: str | None, drivers: int) -> None:
    """Let the orchestrator judge a plan, its allowlist included, and print what it would do."""
    async with Api(url, token) as api:
        try:
            answer = await api.call(
                "POST", "/plans/validate", {"plan": file.document, "drivers": drivers}
            )
        except ApiError as error:
            raise refusal(error) from None
    errors = [(str(e.get("path", "")), str(e["message"])) for e in answer.get("errors") or ()]
    if errors:
        raise refusal(ApiError("the plan is not valid", 422, tuple(errors)))
    print_out(preview_line(file.plan.name, drivers, answer))


async def runs(api: Api, wanted: Mapping[str, str | None], limit: int, form: Format) -> None:
    """Print the newest runs of those ``wanted``: filters of the API, None or empty for all."""
    query = {"limit": str(limit), **{key: value for key, value in wanted.items() if value}}
    answer = await api.call("GET", "/runs", query=query)
    if form == "json":
        print_out(json.dumps(answer) + "\n")
        return
    verdicts = {None: NOTHING, True: "passed", False: "not passed"}
    print_out(
        table(
            ("run", "name", "state", "verdict", "started", "ended"),
            (
                (
                    row["id"],
                    row["name"],
                    row["state"],
                    verdicts[row.get("passed")],
                    row.get("started_at"),
                    row.get("ended_at"),
                )
                for row in answer["runs"]
            ),
        )
    )


async def report(api: Api, run_id: str, form: Format, out: str | None) -> None:
    """Print the report of a run that has ended, or write it into a file."""
    text = await api.text("GET", f"{PREFIX}/runs/{run_id}/report")
    if form == "text":
        from spate.summary import render_summary

        text = render_summary(json.loads(text))
    text = text.rstrip("\n") + "\n"
    if out is None:
        print_out(text)
        return
    try:
        write_atomically(Path(out), text)
    except OSError as error:
        raise CommandError(Exit.USAGE, f"cannot write {out}: {error.strerror}") from None


async def drivers(api: Api, form: Format) -> None:
    """Print the drivers that the orchestrator hears, and the pods of which it hears nothing."""
    answer = await api.call("GET", "/drivers")
    if form == "json":
        print_out(json.dumps(answer) + "\n")
        return
    fleet = await api.call("GET", "/fleet")
    print_out(
        table(
            ("driver", "state", "run", "in flight", "cpu", "lag p99", "heard"),
            (
                (
                    row["driver_id"],
                    row["state"],
                    row.get("run_id"),
                    row.get("in_flight"),
                    None if row.get("cpu") is None else f"{row['cpu'] * _PERCENT:.0f} %",
                    duration(row.get("lag_p99_ns")),
                    None
                    if row.get("heard_ago_s") is None
                    else f"{duration(row['heard_ago_s'] * 1e9)} ago",
                )
                for row in answer["drivers"]
            ),
        )
    )
    if fleet.get("on_kubernetes"):
        print_out("\n" + fleet_text(fleet))
    elif not answer["drivers"] and fleet.get("hint"):
        print_out(f"{fleet['hint']}\n")


async def scale(api: Api, replicas: int) -> None:
    """Set the number of driver pods and print the fleet; like kubectl it does not wait."""
    fleet = await api.call("PUT", "/fleet", {"replicas": replicas})
    print_out(size_line(fleet))
    if fleet.get("desired") != fleet.get("ready"):
        print_out("`spate drivers` shows how far they are, and what keeps a pod from coming\n")


async def stop(api: Api, run_id: str, *, abort: bool) -> None:
    """Stop a run, or end it now."""
    await api.call("POST", f"/runs/{run_id}/{'abort' if abort else 'stop'}")
    done = "is aborted" if abort else "finishes what is in flight and stops"
    print_out(f"run {run_id} {done}\n")
