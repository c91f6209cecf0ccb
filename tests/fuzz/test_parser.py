"""The reader of responses against h11: no hang, no crash, and the same verdict.

``SPATE_FUZZ`` is the number of responses (20,000 without it), ``SPATE_FUZZ_SEED`` varies them. A
case depends on the seed and its number alone, so ``python -m tests.fuzz.batch SEED NUMBER 1`` has
a fault again.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fuzz.anatomy import take_apart
from tests.fuzz.batch import AGREE, account
from tests.fuzz.case import Case, case_of
from tests.fuzz.differences import LINE_ENDS_AFTER, SOONER, Difference, Judge, Mended
from tests.fuzz.oracle import truth
from tests.fuzz.readers import readers
from tests.fuzz.table import TABLE
from tests.fuzz.verdict import Verdict

ROOT = Path(__file__).parents[2]
COUNT = int(os.environ.get("SPATE_FUZZ", "20000"))
SEED = int(os.environ.get("SPATE_FUZZ_SEED", "1"))
BATCH = 20_000
BATCH_LIMIT_S = 600
"""A batch takes some ten seconds; what takes so long hangs."""

NAMED = (*TABLE, LINE_ENDS_AFTER, SOONER)
JUDGE = Judge(TABLE)
READERS = readers()


def case(raw: bytes, method: str = "GET", *, eof: bool = False) -> Case:
    """Return a case that comes in one piece."""
    return Case(method, raw, (raw,), eof)


def told(outcome: str | None, reusable: bool) -> str | None:
    """Return an outcome as examples write it."""
    return f"{outcome}+" if reusable else outcome


def batch(command: list[str], first: int, count: int, limit_s: float) -> dict[str, Any]:
    """Run one batch in a process of its own; fail if it hangs or breaks."""
    which = f"seed {SEED}, cases {first} to {first + count - 1}"
    words = [*command, str(SEED), str(first), str(count)]
    try:
        done = subprocess.run(words, cwd=ROOT, check=False, capture_output=True, timeout=limit_s)
    except subprocess.TimeoutExpired:
        pytest.fail(f"{which}: one of them hangs")
    assert done.returncode == 0, f"{which}: {done}"
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.timeout(0)  # each batch has its own
def test_fuzzed_responses() -> None:
    """Every verdict is h11's, but for the differences that are named and explained."""
    counts: Counter[str] = Counter()
    faults: list[str] = []
    began = time.monotonic()
    for first in range(0, COUNT, BATCH):
        found = batch(
            [sys.executable, "-m", "tests.fuzz.batch"],
            first,
            min(BATCH, COUNT - first),
            BATCH_LIMIT_S,
        )
        counts.update(found["counts"])
        faults += found["faults"]
    took_s = time.monotonic() - began
    print(f"\n{COUNT} responses in {took_s:.0f} s, {COUNT / took_s:.0f}/s, seed {SEED}")
    for name, count in counts.most_common():
        print(f"{count:9} {name}")
    print(f"{len(faults):9} faults")
    assert not faults, "\n".join(faults)
    assert counts[AGREE] > COUNT * 0.8
    if COUNT >= 100_000:  # fewer may miss a rare one; each has its example below
        assert set(counts) == {AGREE, *(each.name for each in NAMED)}


@pytest.mark.parametrize(
    ("program", "complaint"),
    [
        ("import time; time.sleep(60)", "cases 7 to 8: one of them hangs"),
        ("1 / 0", "7 to 8: Compl"),
    ],
)
def test_a_batch_that_hangs_or_breaks_fails(program: str, complaint: str) -> None:
    """The cases are named, so that they can be had again."""
    with pytest.raises((pytest.fail.Exception, AssertionError), match=complaint):
        batch([sys.executable, "-S", "-c", program], 7, 2, 1.0)


@pytest.mark.parametrize("difference", NAMED, ids=lambda each: each.name)
def test_each_difference_is_one(difference: Difference) -> None:
    """Its example shows it: both say what the table says, and no other difference explains it."""
    example = difference.example
    shown = case(example.raw, example.method, eof=example.eof)
    found = truth(shown.method, shown.raw, shown.eof, looks=False)
    assert told(found.outcome, found.reusable) == example.h11
    verdict = READERS[False][0].judge(shown.method, shown.chunks, shown.eof)
    assert told(verdict.outcome, verdict.reusable) == example.driver
    assert difference.name in (JUDGE.names(shown, verdict, looks=False) or ())
    without = Judge(each for each in TABLE if each is not difference)
    alone = without.names(shown, verdict, looks=False)
    assert (alone is None) == (difference in TABLE)


def test_names_are_unique() -> None:
    """Each difference is counted for itself."""
    names = [each.name for each in NAMED]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("number", range(300))
def test_mending_leaves_well_formed_responses_alone(number: int) -> None:
    """What h11 takes as it is stays as it is, but for HTTP/1.0 and codings spelled otherwise."""
    raw = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: %d\r\n\r\nok" % number
    assert {each.mend(raw) for each in TABLE if isinstance(each, Mended)} == {raw}


@given(st.binary(max_size=120))
def test_anatomy_loses_nothing(raw: bytes) -> None:
    """Heads and rest together are the stream, whatever it is."""
    for stream in (raw, b"HTTP/1.1 100 C\r\n\r\nHTTP/1.1 200 OK\r\n" + raw):
        anatomy = take_apart(stream)
        parts = [part for head in anatomy.heads for part in (head.before, head.raw)]
        assert b"".join((*parts, anatomy.rest)) == stream


def test_a_case_depends_on_its_seed_and_number_alone() -> None:
    """A fault can be had again; other seeds and numbers give other cases."""
    assert case_of(1, 5) == case_of(1, 5)
    assert len({case_of(seed, number).raw for seed in (1, 2) for number in range(50)}) > 90
    for number in range(200):
        made = case_of(3, number)
        assert b"".join(made.chunks) == made.raw


WRONG = {
    "status": Verdict("succeeded", 201, True, 40),
    "reusable": Verdict("succeeded", 200, False, 40),
    "too early": Verdict("succeeded", 200, True, 39),
    "not whole": Verdict(None, 0, False, 40),
    "refused": Verdict("protocol", 0, False, 40),
}


@pytest.mark.parametrize("verdict", WRONG.values(), ids=WRONG)
def test_a_wrong_verdict_is_a_fault(verdict: Verdict) -> None:
    """On a plain response nothing but h11's verdict will do."""
    plain = case(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    assert JUDGE.names(plain, Verdict("succeeded", 200, True, 40), looks=False) == ()
    assert JUDGE.names(plain, verdict, looks=False) is None


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\n",
    ],
)
def test_what_smuggles_may_not_be_reused(raw: bytes) -> None:
    """No difference excuses another request after what two readers could read in two ways."""
    said = Verdict("succeeded", 200, True, len(raw))
    assert JUDGE.names(case(raw), said, looks=False) is None


def test_a_reader_that_breaks_is_a_fault() -> None:
    """An exception counts as a verdict that is wrong, and the text has the case again."""

    class Broken:
        def judge(self, _method: str, _chunks: Sequence[bytes], _eof: bool) -> Verdict:
            raise RuntimeError("broken")

    plain = case(b"HTTP/1.1 204 No\r\n\r\n")
    counts, faults = account({False: (Broken(),)}, SEED, [0], lambda _seed, _number: plain)
    assert not counts
    [text] = faults
    assert text.startswith(f"seed {SEED} number 0: {plain}")
    assert "Broken: RuntimeError('broken')" in text
