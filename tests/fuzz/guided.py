"""``python -m tests.fuzz.guided FOLDER [FLAG]...``: lets atheris look for faults, led by coverage.

It needs the package ``atheris``, which is in no requirements: it has wheels for some versions of
Python only, and otherwise a toolchain. What it finds interesting it keeps in FOLDER; the flags are
libFuzzer's, such as ``-max_total_time=300``. It ends at the first fault, with the bytes in a file.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

_METHODS = ("GET", "POST", "HEAD")
_EXAMPLES = 300
_LONGEST = 1024


def main(arguments: Sequence[str]) -> int:
    """Run until a fault or the end of the given time; libFuzzer ends the process itself."""
    if not arguments:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    atheris = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["driver", "h11"]):
        # Only what is imported here, and for the first time, is watched.
        from tests.fuzz.case import Case, case_of
        from tests.fuzz.differences import Judge
        from tests.fuzz.readers import readers
        from tests.fuzz.table import TABLE
    folder, judge, judged = Path(arguments[0]), Judge(TABLE), readers()

    def case(data: bytes) -> Case:
        """Return the case that three bytes and a stream are: how, where to cut twice, what."""
        how, raw = data[0] if data else 0, data[3:]
        first, second = sorted(data[1:3].ljust(2, b"\0"))
        chunks = (raw[:first], raw[first:second], raw[second:])
        return Case(_METHODS[how % 3], raw, tuple(filter(None, chunks)), bool(how & 64))

    def one(data: bytes) -> None:
        made = case(data)
        for looks in (False, True):
            if made.method == "HEAD" and not looks:
                continue
            for reader in judged[looks]:
                verdict = reader.judge(made.method, made.chunks, made.eof)
                if judge.names(made, verdict, looks=looks) is None:
                    raise AssertionError(f"{made}: {verdict} of {type(reader).__name__}")

    folder.mkdir(parents=True, exist_ok=True)
    examples = [each.example.raw for each in TABLE]
    examples += [case_of(1, number).raw for number in range(_EXAMPLES)]
    for number, raw in enumerate(examples):
        (folder / f"example-{number}").write_bytes(bytes((number & 255, 20, 60)) + raw[:_LONGEST])
    atheris.Setup([sys.argv[0], *arguments], one)
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
