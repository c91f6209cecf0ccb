"""The ``spate`` command: reads its arguments, imports what the one command needs, runs it.

argparse and not typer, and every other import inside its command: importing typer alone takes
as long as `spate run --local` may take for its start and its report together.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from spate_cli.exits import CommandError, Exit

if TYPE_CHECKING:
    from spate_cli.client import Api

DEFAULT_URL = "http://127.0.0.1:8080"
_LARGEST_PORT = 65_535


def _number(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not (text.isascii() and text.isdecimal() and low <= int(text[:9]) <= high):
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number of {low} to {high}")
        return int(text)

    return parse


def make_parser(environ: Mapping[str, str]) -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="spate",
        description="A distributed HTTP load tester whose numbers add up.",
        epilog="Environment: SPATE_URL is the default of --url, SPATE_TOKEN is sent as a bearer "
        "token. Exit codes of spate run: 0 passed, 1 thresholds failed, 2 usage or bad plan, "
        "3 refused, 4 failed or unreachable, 130 interrupted.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="store_true", help="print the version and end")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")

    def add(name: str, text: str, *, asks: bool = True, forms: Sequence[str] = ()) -> Any:
        command = commands.add_parser(name, help=text, description=text, allow_abbrev=False)
        if asks:
            command.add_argument(
                "--url",
                default=None if name == "validate" else environ.get("SPATE_URL") or DEFAULT_URL,
                help=f"the orchestrator (default SPATE_URL, else {DEFAULT_URL})"
                if name != "validate"
                else "ask this orchestrator, its allowlist included; default: judge here",
            )
        if forms:
            command.add_argument("--format", choices=forms, default="text", dest="form")
        return command

    def takes_plan(command: Any) -> None:
        command.add_argument("plan", metavar="PLAN", help="YAML or JSON file; - is standard input")
        command.add_argument(
            "--set",
            action="append",
            default=[],
            dest="changes",
            metavar="PATH=VALUE",
            help="change the plan, for example load.message_delay_ms=5 (repeatable)",
        )

    both = ("text", "json")
    run = add("run", "run a plan and report on it", forms=both)
    takes_plan(run)
    run.add_argument("--out", metavar="DIR", help="where report.json goes (spate-RUN_ID)")
    run.add_argument("--strict", action="store_true", help="a degraded run fails, with code 1")
    run.add_argument("--local", action="store_true", help="in this process, without a fleet")

    judge = add("validate", "check a plan and say what it would do")
    takes_plan(judge)
    judge.add_argument("--drivers", type=_number(1, 10_000), help="for so many (drivers.min)")

    listing = add("runs", "list runs, newest first", forms=both)
    listing.add_argument("--name", help="only those with these letters in their name or id")
    listing.add_argument("--state", help="only those in this state")
    listing.add_argument("--label", help="only those with this label, KEY=VALUE")
    listing.add_argument("--limit", type=_number(1, 500), default=20, help="how many (20)")

    report = add("report", "print the report of a run that has ended", forms=both)
    report.add_argument("run", metavar="RUN")
    report.add_argument("--out", metavar="FILE", help="write it there instead")

    add("drivers", "list the drivers that are heard", forms=both)
    add("scale", "set the number of driver pods").add_argument(
        "replicas", metavar="N", type=_number(0, 10_000)
    )
    stop = add("stop", "finish what is in flight and start nothing more")
    stop.add_argument("run", metavar="RUN")
    stop.add_argument("--abort", action="store_true", help="end it now instead")

    local = add("local", "run the whole stack as processes, with real Kafka", asks=False)
    port = _number(0, _LARGEST_PORT)
    local.add_argument("--drivers", type=_number(0, 256), default=2, help="how many (2)")
    local.add_argument("--port", type=port, default=8080, help="of page and API (8080; 0: free)")
    local.add_argument("--target-port", type=port, default=8000, help="of the target (8000)")
    local.add_argument("--dir", default=".local", help="for archive, logs and state (.local)")
    local.add_argument("--sample", action="store_true", help="run the sample plan when ready")
    local.add_argument(
        "--keep", action="store_true", help="keep Kafka's data and the logs for the next time"
    )
    return parser


def _run(chosen: argparse.Namespace, environ: Mapping[str, str]) -> int:
    from spate_cli.plan_file import load_plan
    from spate_cli.run_options import RunOptions

    file = load_plan(chosen.plan, chosen.changes)
    options = RunOptions(chosen.out, chosen.form, chosen.strict)
    if chosen.local:
        from spate_cli.run_here import run_here

        return run_here(file.plan, options)
    import asyncio

    from spate_cli.run import run_plan

    return asyncio.run(run_plan(file, chosen.url, environ.get("SPATE_TOKEN"), options))


def _validate(chosen: argparse.Namespace, environ: Mapping[str, str]) -> int:
    from spate_cli.plan_file import load_plan

    file = load_plan(chosen.plan, chosen.changes)
    drivers = chosen.drivers or max(1, file.plan.drivers.min)
    if chosen.url is not None:
        import asyncio

        from spate_cli.queries import validate

        asyncio.run(validate(file, chosen.url, environ.get("SPATE_TOKEN"), drivers))
        return Exit.PASSED
    from spate_cli.preview import preview, preview_line
    from spate_cli.result import print_out

    print_out(preview_line(file.plan.name, drivers, preview(file.plan, drivers)))
    return Exit.PASSED


def _ask(chosen: argparse.Namespace, environ: Mapping[str, str]) -> int:
    import asyncio

    from spate_cli import queries
    from spate_cli.client import Api, ApiError

    asked: dict[str, Callable[[Api], Awaitable[None]]] = {
        "runs": lambda api: queries.runs(
            api,
            {"name": chosen.name, "state": chosen.state, "label": chosen.label},
            chosen.limit,
            chosen.form,
        ),
        "report": lambda api: queries.report(api, chosen.run, chosen.form, chosen.out),
        "drivers": lambda api: queries.drivers(api, chosen.form),
        "scale": lambda api: queries.scale(api, chosen.replicas),
        "stop": lambda api: queries.stop(api, chosen.run, abort=chosen.abort),
    }

    async def ask() -> None:
        async with Api(chosen.url, environ.get("SPATE_TOKEN")) as api:
            try:
                await asked[chosen.command](api)
            except ApiError as error:
                raise CommandError(error.code, str(error)) from None

    asyncio.run(ask())
    return Exit.PASSED


def _local(chosen: argparse.Namespace, environ: Mapping[str, str]) -> int:
    from pathlib import Path

    from spate_cli.local import LocalOptions, run_local

    return run_local(
        LocalOptions(
            drivers=chosen.drivers,
            port=chosen.port,
            target_port=chosen.target_port,
            folder=Path(chosen.dir).absolute(),
            sample=chosen.sample,
            keep=chosen.keep,
            kafka=environ.get("SPATE_KAFKA_BOOTSTRAP") or None,
        )
    )


def _version() -> int:
    from importlib.metadata import version

    sys.stdout.write(f"spate {version('spate')}\n")
    return Exit.PASSED


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    parser = make_parser(os.environ)
    try:
        chosen = parser.parse_args(arguments)
        if chosen.version:
            return _version()
        if chosen.command is None:
            parser.print_help(sys.stderr)
            return Exit.USAGE
        commands = {"run": _run, "validate": _validate, "local": _local}
        return commands.get(chosen.command, _ask)(chosen, os.environ)
    except CommandError as error:
        sys.stderr.write(f"spate: {error}\n")
        return error.code
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
