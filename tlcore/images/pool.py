"""Several decoding processes for several threads: what an import needs to use all processors."""

from __future__ import annotations

from contextlib import ExitStack
from queue import SimpleQueue
from types import TracebackType
from typing import Final, Self

from tlcore.images.decode import PictureFacts
from tlcore.images.guard import GuardedDecoder
from tlcore.workspace import Limits

DECODERS: Final = 2
"""Threads that may inspect at once: with as many decoders, each always finds one free."""


class DecoderPool:
    """Guarded decoders that threads share. Leaving the `with` block ends their processes.

    Args:
        limits: Of one picture, and of each process.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._free: SimpleQueue[GuardedDecoder] = SimpleQueue()
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        for _ in range(DECODERS):
            self._free.put(self._stack.enter_context(GuardedDecoder(self._limits)))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def inspect(self, data: bytes) -> PictureFacts:
        """`GuardedDecoder.inspect`, by whichever decoder is free; waits for one. Raises as it does."""
        decoder = self._free.get()
        try:
            return decoder.inspect(data)
        finally:
            self._free.put(decoder)
