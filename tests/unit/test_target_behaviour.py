"""The target's pure parts: durations, latencies, stalls, answers, counts, settings."""

from __future__ import annotations

import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target.answer import answer_for
from target.behaviour import Behaviour, Stall, parse_duration_s, parse_latency
from target.indices import MOST_RUNS, Indices
from target.metrics import MOST_PATHS, OTHER_PATHS, Counts, Exposition
from target.settings import read_settings


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("20ms", 0.02), ("1.5s", 1.5), ("250us", 0.00025), ("1m", 60.0), ("0", 0.0)],
)
def test_a_duration_has_a_unit(text: str, seconds: float) -> None:
    """Each unit is understood; only 0 needs none."""
    assert seconds == pytest.approx(parse_duration_s(text))


@pytest.mark.parametrize("text", ["", "20", "ms", "-1s", "1h", "nans", "infs", "1 s s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    """Anything but a finite number of 0 or more and a known unit is an error."""
    with pytest.raises(ValueError, match=r"duration|unit"):
        parse_duration_s(text)


@pytest.mark.parametrize(
    "text",
    ["", "slow", "constant", "constant:1s:2s", "uniform:2s:1s", "lognormal:1s:x", "normal:1s:5",
     "lognormal:1s:-1"],
)  # fmt: skip
def test_what_is_no_latency_is_refused(text: str) -> None:
    """An unknown name, a missing parameter or a wrong one is an error."""
    with pytest.raises(ValueError, match=r"latency|unit"):
        parse_latency(text)


@pytest.mark.parametrize(
    ("text", "median_s"),
    [
        ("constant:20ms", 0.020),
        ("uniform:10ms:30ms", 0.020),
        ("normal:20ms:5ms", 0.020),
        ("exponential:20ms", 0.020 * 0.6931),
        ("lognormal:20ms:0.5", 0.020),
    ],
)
def test_a_latency_has_its_median(text: str, median_s: float) -> None:
    """The median of 4,000 draws is the distribution's own."""
    draw, source = parse_latency(text), random.Random(1)
    assert median_s == pytest.approx(statistics.median(draw(source) for _ in range(4000)), rel=0.06)


@pytest.mark.parametrize("text", ["normal:1ms:10ms", "exponential:0", "lognormal:0:1"])
def test_a_latency_is_never_negative(text: str) -> None:
    """A normal distribution is cut at 0, and a scale of 0 is no error."""
    draw, source = parse_latency(text), random.Random(1)
    assert min(draw(source) for _ in range(100)) == 0.0


@given(seed=st.integers(), rate=st.floats(0, 1))
def test_the_same_seed_treats_alike(seed: int, rate: float) -> None:
    """Two targets with one seed give the same treatments; errors do not change the latencies."""
    first, second, sound = (
        Behaviour(latency=parse_latency("exponential:20ms"), error_rate=share, seed=seed)
        for share in (rate, rate, 0.0)
    )
    treatments = [first.treat(float(i)) for i in range(20)]
    assert treatments == [second.treat(float(i)) for i in range(20)]
    assert [t.due_s for t in treatments] == [sound.treat(float(i)).due_s for i in range(20)]


def test_the_error_rate_is_kept() -> None:
    """About a tenth of 10,000 requests fails at a rate of 0.1."""
    behaviour = Behaviour(error_rate=0.1)
    assert sum(behaviour.treat(0.0).failed for _ in range(10_000)) == pytest.approx(1000, abs=100)


@given(due_s=st.floats(0, 20))
def test_a_stall_postpones_what_falls_into_it(due_s: float) -> None:
    """What is due t into the stall is answered FOR - t later, all else when it is due."""
    stall = Stall.parse("10:2")
    into_s = due_s - 10
    expected = due_s + 2 - into_s if 0 <= into_s < 2 else due_s
    assert expected == pytest.approx(stall.postponed_s(due_s))


def test_a_stall_counts_from_the_first_request() -> None:
    """The clock of a stall starts with the first load request, not with the process."""
    behaviour = Behaviour(stall=Stall.parse("1:2"))
    assert [behaviour.treat(now_s).due_s for now_s in (100.0, 101.0, 102.5, 103.0)] == [
        100.0,
        103.0,
        103.0,
        103.0,
    ]


@pytest.mark.parametrize("text", ["", "1", "1:2:3", "a:b", "-1:2", "1:inf"])
def test_what_is_no_stall_is_refused(text: str) -> None:
    """A stall is two finite numbers of seconds."""
    with pytest.raises(ValueError, match="seconds"):
        Stall.parse(text)


@pytest.mark.parametrize("rate", [-0.1, 1.1, float("nan")])
def test_an_error_rate_is_a_share(rate: float) -> None:
    """A rate outside 0 to 1 is an error."""
    with pytest.raises(ValueError, match="between 0 and 1"):
        Behaviour(error_rate=rate)


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [
        (b"/ping", 200, b"PONG"),
        (b"/delay/20", 200, b"20 ms\n"),
        (b"/status/503", 503, b"503\n"),
        (b"/status/204", 204, b""),
        (b"/status/304", 304, b""),
        (b"/status/100", 404, b"Not Found\n"),
        (b"/status/600", 404, b"Not Found\n"),
        (b"/status/+200", 404, b"Not Found\n"),
        (b"/bytes/-1", 404, b"Not Found\n"),
        (b"/bytes/1073741825", 404, b"Not Found\n"),
        (b"/delay/", 404, b"Not Found\n"),
        (b"/", 404, b"Not Found\n"),
        (b"*", 404, b"Not Found\n"),
    ],
)
def test_each_path_has_its_answer(path: bytes, status: int, body: bytes) -> None:
    """Known paths answer as they say; all others, and arguments out of range, are 404."""
    answer = answer_for(path)
    assert (status, body) == (answer.status, answer.body)


def test_bytes_are_not_held() -> None:
    """The body of /bytes/{n} exists only as a number."""
    answer = answer_for(b"/bytes/1073741824")
    assert (answer.body, answer.filler) == (b"", 1 << 30)
    assert b"Content-Length: 1073741824\r\n" in answer.head


def test_paths_are_bounded() -> None:
    """Requests for more paths than are remembered are counted together."""
    counts = Counts()
    for number in range(MOST_PATHS + 50):
        counts.received(counts.path_key(b"/%d" % number), 404)
    counts.received(counts.path_key(b"/1"), 404)
    counts.received(counts.path_key(b"/" + b"x" * 500), 404)
    assert counts.requests == MOST_PATHS + 52 == sum(counts.by_path.values())
    assert (counts.by_path["/1"], counts.by_path[OTHER_PATHS]) == (2, 51)


def test_metrics_are_the_counts() -> None:
    """A scrape shows what was counted, by code."""
    counts = Counts()
    counts.received("/ping", 200)
    counts.received("/ping", 200)
    counts.received("/", 404)
    text = Exposition(counts).text().decode()
    assert 'spate_target_requests_total{code="200"} 2.0' in text
    assert 'spate_target_requests_total{code="404"} 1.0' in text
    assert "process_cpu_seconds_total" in text


@given(st.lists(st.integers(0, 100_000), max_size=50))
def test_indices_know_duplicates(numbers: list[int]) -> None:
    """Requests are what came, distinct the different ones, duplicates the difference."""
    indices = Indices()
    for number in numbers:
        indices.record(b"run-1/%d" % number)
    distinct = len(set(numbers))
    expected = {
        "run-1": {
            "requests": len(numbers),
            "distinct": distinct,
            "duplicates": len(numbers) - distinct,
        }
    }
    assert (expected if numbers else {}) == indices.document()


def test_odd_indices_are_set_apart() -> None:
    """A header that is not RUN/INDEX is counted as invalid."""
    indices = Indices()
    for header in (b"", b"run", b"/1", b"run/", b"run/-1", b"run/9999999999999", b"r/" + b"9" * 50):
        indices.record(header)
    assert (indices.invalid, indices.document()) == (7, {})


def test_the_newest_runs_are_kept() -> None:
    """The oldest run goes when there is one too many."""
    indices = Indices()
    for number in range(MOST_RUNS + 1):
        indices.record(b"run-%d/0" % number)
    kept = indices.document()
    assert (len(kept), "run-0" in kept) == (MOST_RUNS, False)


def test_flags_win_over_the_environment() -> None:
    """A flag is taken before its variable, a variable before the default."""
    settings = read_settings(
        ["--port", "1"], {"SPATE_TARGET_PORT": "2", "SPATE_TARGET_ERROR_RATE": "0.5",
                          "SPATE_TARGET_RECORD_INDEX": "true", "SPATE_TARGET_STALL": "1:2"}
    )  # fmt: skip
    assert (1, 0.5, True, Stall(1.0, 2.0), "127.0.0.1") == (
        settings.port,
        settings.error_rate,
        settings.record_index,
        settings.stall,
        settings.host,
    )
    assert read_settings(["--record-index"], {}).record_index
    assert not read_settings([], {}).record_index


def test_service_links_of_kubernetes_are_no_ports() -> None:
    """The variable that Kubernetes sets for a Service called spate-target is passed over."""
    assert read_settings([], {"SPATE_TARGET_PORT": "tcp://10.0.0.7:8000"}).port == 8000


@pytest.mark.parametrize(
    ("arguments", "environ"),
    [
        (["--port", "65536"], {}),
        (["--error-rate", "2"], {}),
        (["--latency", "slow"], {}),
        (["--stall", "1"], {}),
        (["--record-index", "maybe"], {}),
        ([], {"SPATE_TARGET_LATENCY": "slow"}),
        (["extra"], {}),
    ],
)
def test_bad_settings_end_with_2(
    arguments: list[str], environ: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """A bad flag or variable is an error of usage that says what is wrong."""
    with pytest.raises(SystemExit) as ended:
        read_settings(arguments, environ)
    assert ended.value.code == 2
    assert "error: " in capsys.readouterr().err
