"""How often the pump reads a stream if it is to be as slow as Lambda."""

from __future__ import annotations

import threading

import pytest

from local.pump.pump import at_fixed_times


class Stopping(threading.Event):
    """Is set after so many pauses, and takes no time for them."""

    def __init__(self, pauses: int) -> None:
        super().__init__()
        self.left = pauses
        self.pauses: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        self.pauses.append(timeout)
        self.left -= 1
        if self.left == 0:
            self.set()
        return self.is_set()


@pytest.mark.parametrize("found", [True, False], ids=["there was something", "there was nothing"])
def test_a_stream_is_read_once_in_a_pause_whether_it_held_something_or_not(found: bool) -> None:
    stopping, reads = Stopping(3), []

    def read() -> bool:
        reads.append(found)
        return found

    at_fixed_times(read, 1000.0, stopping)
    assert len(reads) == 3
    # The pauses took no time here, so each read is due so much later.
    assert [round(pause / 1000) for pause in stopping.pauses] == [1, 2, 3]


def test_a_read_that_takes_longer_than_the_pause_is_followed_by_the_next_one_at_once() -> None:
    stopping = Stopping(2)
    at_fixed_times(lambda: None, 0.0, stopping)
    assert all(pause <= 0.001 for pause in stopping.pauses)
