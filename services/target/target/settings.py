"""What the target can be told, by flags or by ``SPATE_TARGET_…`` in the environment."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from target.behaviour import Behaviour, Draw, Stall, parse_latency

_T = TypeVar("_T")
_LARGEST_PORT = 65_535
_TRUE, _FALSE = ("1", "true", "yes", "on"), ("", "0", "false", "no", "off")


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one target process; ``port`` 0 lets the system choose."""

    host: str
    port: int
    latency: Draw | None
    error_rate: float
    stall: Stall | None
    seed: int
    record_index: bool

    def behaviour(self) -> Behaviour:
        """Return the behaviour towards load requests that was asked for."""
        return Behaviour(
            latency=self.latency, error_rate=self.error_rate, stall=self.stall, seed=self.seed
        )


def _port(text: str) -> int:
    if not text.isdigit() or int(text) > _LARGEST_PORT:
        raise ValueError(f"{text!r} is no port")
    return int(text)


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise ValueError(f"{text!r} is not between 0 and 1")
    return value


def _switch(text: str) -> bool:
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise ValueError(f"{text!r} is neither {_TRUE[0]} nor {_FALSE[1]}")


def _said(parse: Callable[[str], _T]) -> Callable[[str], _T]:
    """Let argparse print why a value is refused, which it does for its own error only."""

    def parse_argument(text: str) -> _T:
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return parse_argument


def read_settings(arguments: Sequence[str], environ: Mapping[str, str]) -> Settings:
    """Return the settings; a flag wins over the environment.

    Raises:
        SystemExit: with code 2 after a bad value, 0 after ``--help``.
    """
    parser = argparse.ArgumentParser(
        prog="target",
        description="A sample target: GET /ping answers PONG, and it counts for itself.",
        epilog="/ping /delay/{ms} /status/{code} /bytes/{n} are load; /count /metrics /healthz "
        "are not counted. Durations: 250us, 20ms, 1.5s.",
        allow_abbrev=False,
    )

    def add(name: str, parse: Callable[[str], object], default: str, text: str, form: str) -> None:
        variable = "SPATE_TARGET_" + name.upper().replace("-", "_")
        value = environ.get(variable, default)
        # Kubernetes sets SPATE_TARGET_PORT=tcp://… where a Service is called spate-target.
        if "://" in value:
            value = default
        parser.add_argument(
            f"--{name}",
            type=_said(parse),
            default=value,
            metavar=form,
            help=f"{text} (default {default or 'none'}) [{variable}]",
            **({"nargs": "?", "const": "1"} if parse is _switch else {}),  # type: ignore[arg-type]
        )

    add("host", str, "127.0.0.1", "address to listen at", "HOST")
    add("port", _port, "8000", "port to listen at; 0 takes a free one", "PORT")
    add(
        "latency",
        lambda text: parse_latency(text) if text else None,
        "",
        "constant:20ms, uniform:10ms:30ms, normal:20ms:5ms, exponential:20ms or lognormal:20ms:0.5",
        "DISTRIBUTION",
    )
    add("error-rate", _share, "0", "share of load requests answered with 500", "SHARE")
    add(
        "stall",
        lambda text: Stall.parse(text) if text else None,
        "",
        "answer nothing for FOR seconds, AFTER seconds past the first load request",
        "AFTER:FOR",
    )
    add("seed", int, "1", "seed of latencies and errors", "NUMBER")
    add("record-index", _switch, "0", "test mode: record Spate-Index headers for /count", "0|1")
    return Settings(**vars(parser.parse_args(arguments)))
