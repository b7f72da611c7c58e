"""Reading ahead: in order, bounded, and no thread is left behind."""

import threading
import time
from collections.abc import Iterator

import pytest

from tlcore.engines.ahead import read_ahead


def running() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "read-ahead"]


def test_items_come_in_order_from_another_thread() -> None:
    seen: set[int] = set()

    def items() -> Iterator[int]:
        for number in range(50):
            seen.add(threading.get_ident())
            yield number

    assert list(read_ahead(items(), 3)) == list(range(50))
    assert seen
    assert threading.get_ident() not in seen
    assert not running()


def test_only_a_few_items_wait() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in range(100):
            taken.append(number)
            yield number

    ahead = read_ahead(items(), 3)
    assert next(ahead) == 0
    deadline = time.monotonic() + 60
    while len(taken) < 5:  # the one that was given, three that wait, and one in the thread's hands
        assert time.monotonic() < deadline
        time.sleep(0.01)
    time.sleep(0.2)
    assert len(taken) == 5
    ahead.close()


def test_what_the_source_raises_comes_at_its_place() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise LookupError("the second picture is gone")

    ahead = read_ahead(items(), 3)
    assert next(ahead) == 1
    with pytest.raises(LookupError, match="second"):
        next(ahead)
    assert not running()


def test_closing_ends_the_thread_and_the_source() -> None:
    closed = threading.Event()

    def items() -> Iterator[int]:
        try:
            while True:
                yield 0
        finally:
            closed.set()

    ahead = read_ahead(items(), 1)
    assert next(ahead) == 0
    ahead.close()
    assert closed.is_set()
    assert not running()
