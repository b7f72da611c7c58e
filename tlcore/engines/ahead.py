"""Taking batches from their source a little before they are wanted, so that reading and computing overlap."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import Final, TypeVar

Item = TypeVar("Item")

_LOOK_SECONDS: Final = 0.1


class _End:
    """Comes after the last item."""


class _Failure:
    """What the source raised, on its way to whoever takes the items."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


def read_ahead(items: Iterable[Item], depth: int) -> Generator[Item]:
    """The same items in the same order, taken by a thread of its own.

    Closing the generator ends the thread, once the item that it is just taking has come.

    Args:
        items: Taken in another thread, and closed there when nobody wants more of it. What it raises is raised here.
        depth: Most items that wait to be wanted.
    """
    queue: Queue[Item | _Failure | _End] = Queue(depth)
    unwanted = Event()
    thread = Thread(target=_take, args=(items, queue, unwanted), name="read-ahead", daemon=True)
    thread.start()
    try:
        while not isinstance(item := queue.get(), _End):
            if isinstance(item, _Failure):
                raise item.error
            yield item
    finally:
        unwanted.set()
        _empty(queue)
        thread.join()


def _take(items: Iterable[Item], queue: Queue[Item | _Failure | _End], unwanted: Event) -> None:
    end: _Failure | _End = _End()
    try:
        for item in items:
            if not _put(queue, item, unwanted):
                break
    except BaseException as error:  # noqa: BLE001 - nothing is swallowed: it is raised where the items are taken
        end = _Failure(error)
    finally:
        close = getattr(items, "close", None)
        if unwanted.is_set() and close is not None:
            close()
    _put(queue, end, unwanted)


def _put(queue: Queue[Item | _Failure | _End], item: Item | _Failure | _End, unwanted: Event) -> bool:
    """False where nobody wants it any more."""
    while not unwanted.is_set():
        try:
            queue.put(item, timeout=_LOOK_SECONDS)
        except Full:
            continue
        return True
    return False


def _empty(queue: Queue[Item | _Failure | _End]) -> None:
    while True:
        try:
            queue.get_nowait()
        except Empty:
            return
