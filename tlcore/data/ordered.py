"""Work done by a few threads, results in order, memory bounded."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def ordered_map(
    function: Callable[[Item], Result], items: Iterable[Item], threads: int, ahead: int
) -> Generator[Result]:
    """`function` of each item, in the order of the items, computed by threads.

    `Executor.map` would submit all items at once, and hold all results that nobody took yet.

    Args:
        function: Called in a thread. What it raises is raised here, at its item's place.
        items: Taken one by one, at most `ahead` before the result that is waited for.
        threads: Number of threads.
        ahead: Most results that may be under way or waiting.
    """
    waiting: deque[Future[Result]] = deque()
    source = iter(items)
    with ThreadPoolExecutor(threads, thread_name_prefix="ordered-map") as pool:
        try:
            for item in islice(source, ahead):
                waiting.append(pool.submit(function, item))
            while waiting:
                result = waiting.popleft().result()
                for item in islice(source, 1):
                    waiting.append(pool.submit(function, item))
                yield result
        finally:
            for future in waiting:
                future.cancel()
