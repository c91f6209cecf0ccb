"""``python -m tests.fuzz.batch SEED FIRST COUNT``: judges cases and prints the account as JSON.

It is a process of its own, so that a reader that hangs can be ended.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Sequence

from tests.fuzz.case import Case, case_of
from tests.fuzz.differences import Judge
from tests.fuzz.oracle import truth
from tests.fuzz.readers import Readers, readers
from tests.fuzz.table import TABLE

AGREE = "agree"
MOST_FAULTS = 20
"""How many faults are told in full."""


def looks(number: int, case: Case) -> bool:
    """Return whether the body of this case is looked at."""
    return case.method == "HEAD" or number % 3 == 1


def account(
    judged: Readers,
    seed: int,
    numbers: Sequence[int],
    make: Callable[[int, int], Case] = case_of,
) -> tuple[Counter[str], list[str]]:
    """Return how often each difference came up, or none, and the faults as text."""
    judge = Judge(TABLE)
    counts: Counter[str] = Counter()
    faults: list[str] = []
    for number in numbers:
        case = make(seed, number)
        looking = looks(number, case)
        for reader in judged[looking]:
            try:
                verdict = reader.judge(case.method, case.chunks, case.eof)
                names = judge.names(case, verdict, looks=looking)
                found: object = verdict
            except Exception as error:  # noqa: BLE001 - whatever a reader raises is a fault of it
                names, found = None, error
            if names is None:
                expected = truth(case.method, case.raw, case.eof, looks=looking)
                faults.append(
                    f"seed {seed} number {number}: {case}\n  "
                    f"{type(reader).__name__}: {found!r}\n  {expected}"
                )
            else:
                counts.update(names or (AGREE,))
    return counts, faults


def main(arguments: Sequence[str]) -> int:
    """Print the account of one batch; return 0."""
    seed, first, count = map(int, arguments)
    counts, faults = account(readers(), seed, range(first, first + count))
    print(json.dumps({"counts": counts, "faults": faults[:MOST_FAULTS], "bad": len(faults)}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
