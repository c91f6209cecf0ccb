"""A process waits for what it cannot begin without, and says so now and then."""

from __future__ import annotations

import asyncio
import logging

import pytest

from spate.bus import BusError, RefusedError
from spate.waiting import Waiting

LOG = logging.getLogger("waiting-test")


class Kafka:
    """Answers the attempts as it was told, one after the other."""

    def __init__(self, *answers: str | Exception) -> None:
        self._answers = list(answers)

    async def answer(self) -> str:
        """Give the next answer."""
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def messages(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    """Return level and text of what was logged."""
    return [(each.levelname, each.getMessage()) for each in caplog.records]


async def test_what_is_there_is_not_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    """The answer comes back and nothing is logged; there is a reason until all is over."""
    caplog.set_level(logging.INFO)
    waiting = Waiting(LOG)
    assert waiting.reason == "getting ready"
    found = await waiting.until("Kafka", Kafka("there").answer, BusError, RefusedError)
    assert (found, waiting.reason) == ("there", "getting ready")
    waiting.over()
    assert waiting.reason is None
    assert messages(caplog) == []


async def test_an_absence_is_told_now_and_then(caplog: pytest.LogCaptureFixture) -> None:
    """The first time at once, then only so often; and that it is over."""
    caplog.set_level(logging.INFO)
    kafka = Kafka(BusError("refused"), BusError("refused"), BusError("closed"), "there")
    seldom = Waiting(LOG, pause_s=0, tell_every_s=3600)
    assert await seldom.until("Kafka", kafka.answer, BusError, RefusedError) == "there"
    often = Waiting(LOG, pause_s=0, tell_every_s=0)
    kafka = Kafka(BusError("refused"), BusError("closed"), "there")
    assert await often.until("Kafka", kafka.answer, BusError, RefusedError) == "there"
    assert messages(caplog) == [
        ("WARNING", "waiting for Kafka: refused"),
        ("INFO", "Kafka is there"),
        ("WARNING", "waiting for Kafka: refused"),
        ("WARNING", "waiting for Kafka: closed"),
        ("INFO", "Kafka is there"),
    ]


async def test_the_reason_is_the_last_error() -> None:
    """Whoever asks meanwhile is told."""
    waiting = Waiting(LOG, pause_s=3600)
    attempts = waiting.until("Kafka", Kafka(BusError("refused")).answer, BusError, RefusedError)
    task = asyncio.ensure_future(attempts)
    await asyncio.sleep(0)
    assert waiting.reason == "waiting for Kafka: refused"
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("error", [RefusedError("wrong password"), ValueError("a defect")])
async def test_what_does_not_pass_is_raised(error: Exception) -> None:
    """A refusal, and everything that is no absence."""
    with pytest.raises(type(error), match=str(error)):
        await Waiting(LOG).until("Kafka", Kafka(error).answer, BusError, RefusedError)
