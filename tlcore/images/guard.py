"""Decoding pictures from outside where they can do no harm: in a process with limits on memory and time.

A decoder is a large piece of C that reads what a stranger wrote. Here a hostile or broken file costs one
`PictureError`.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Event, Lock, Timer
from types import TracebackType
from typing import BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

import tlcore
from tlcore.errors import PictureError, WorkspaceError
from tlcore.images.decode import PictureFacts, check_encoded_size
from tlcore.images.messages import ANSWER, LOOK_BYTES, READY, REQUEST, Outcome, Task, read_exactly
from tlcore.workspace import Limits

_LEAVE_OUT = "Save a smaller copy as JPEG or PNG, or leave it out."
_SECONDS_TO_START = 60.0  # a cold disk and a busy machine; usually a fifth of a second
_SECONDS_TO_END = 5.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Answer:
    width: int
    height: int
    body: bytes


@dataclass(frozen=True)
class _Helper:
    process: subprocess.Popen[bytes]
    requests: BinaryIO
    answers: BinaryIO


class GuardedDecoder:
    """Decodes pictures in a helper process, which starts with the first one, stays warm, and is replaced when it dies.

    Threads may share it; one picture goes through at a time. Leaving the `with` block ends the process.

    Args:
        limits: Of one picture, and of the process: memory and time.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._lock = Lock()
        self._helper: _Helper | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def load(self, data: bytes, size: int | None) -> NDArray[np.uint8]:
        """`tlcore.images.decode.load_picture`, guarded.

        Args:
            data: The encoded picture.
            size: Side in pixels, or None for the picture's own size.

        Returns:
            uint8, shape (size, size, 3), or (height, width, 3) without a size.

        Raises:
            PictureError: The picture can't be read, or not within the limits.
            WorkspaceError: The helper process can't be started.
        """
        answer = self._ask(Task.LOAD, size or 0, data)
        return np.frombuffer(answer.body, dtype=np.uint8).reshape(answer.height, answer.width, 3)

    def inspect(self, data: bytes) -> PictureFacts:
        """`tlcore.images.decode.inspect_picture`, guarded. Raises as `load` does."""
        answer = self._ask(Task.INSPECT, 0, data)
        look, name = answer.body[:LOOK_BYTES], answer.body[LOOK_BYTES:]
        return PictureFacts(answer.width, answer.height, name.decode(), look)

    def shrink(self, data: bytes, side: int) -> bytes:
        """`tlcore.images.decode.shrink_picture`, guarded. Raises as `load` does."""
        return self._ask(Task.SHRINK, side, data).body

    def close(self) -> None:
        """Ends the helper process. Decoding again starts another."""
        with self._lock:
            self._end()

    def _ask(self, task: Task, side: int, data: bytes) -> _Answer:
        check_encoded_size(len(data), self._limits)
        with self._lock:
            if self._helper and self._helper.process.poll() is not None:
                self._end()  # it died between two pictures: neither is to blame
            helper = self._helper or self._start()
            late = Event()
            timer = Timer(self._limits.decode_seconds, _kill, (helper.process, late))
            timer.start()
            try:
                outcome, answer = _exchange(helper, task, side, data, self._most_bytes())
            except (OSError, EOFError) as error:
                self._end(kill=True)
                raise self._died(late.is_set(), helper.process.returncode) from error
            finally:
                timer.cancel()
                timer.join()
            if late.is_set():
                self._end(kill=True)  # the answer came at the last moment, and the process was killed all the same
        if outcome is Outcome.REFUSED:
            said = json.loads(answer.body)
            raise PictureError(said["what"], value=said["value"], options=said["options"], hint=said["hint"])
        return answer

    def _most_bytes(self) -> int:
        """Of an honest answer: the pixels of the largest picture, or a refusal. More is not read."""
        return max(self._limits.picture_pixels * 3, 2**24)

    def _died(self, late: bool, status: int) -> PictureError:
        if late:
            return PictureError(
                "Decoding the picture takes too long",
                value=f"more than {self._limits.decode_seconds:g} seconds",
                hint=_LEAVE_OUT,
            )
        _log.warning("the decoding process ended with status %s", status)
        return PictureError("The picture makes its decoder crash, or takes too much memory", hint=_LEAVE_OUT)

    def _start(self) -> _Helper:
        # The package may have been found through the working directory, which the helper need not share. One thread
        # is enough for it, and every other one would take address space from its limit.
        home = str(Path(tlcore.__file__).parents[1])
        paths = os.pathsep.join(path for path in (home, os.environ.get("PYTHONPATH", "")) if path)
        environment = os.environ | {"PYTHONPATH": paths, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "tlcore.images.helper", json.dumps(asdict(self._limits))]
        try:
            process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
            )
        except OSError as error:
            raise _cannot_start(str(error)) from error
        if process.stdin is None or process.stdout is None:
            raise _cannot_start("no pipes")
        helper = _Helper(process, process.stdin, process.stdout)  # type: ignore[arg-type]
        self._helper = helper
        timer = Timer(_SECONDS_TO_START, process.kill)
        timer.start()
        try:
            read_exactly(helper.answers, len(READY))
        except (OSError, EOFError) as error:
            self._end(kill=True)
            raise _cannot_start(f"exit status {process.returncode}") from error
        finally:
            timer.cancel()
        return helper

    def _end(self, kill: bool = False) -> None:
        helper, self._helper = self._helper, None
        if helper is None:
            return
        if kill:
            helper.process.kill()
        try:
            helper.requests.close()
        except BrokenPipeError:
            _log.debug("the decoding process had ended before its last request was sent")
        try:
            helper.process.wait(_SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            helper.process.kill()
            helper.process.wait()
        helper.answers.close()


def _exchange(helper: _Helper, task: Task, side: int, data: bytes, most: int) -> tuple[Outcome, _Answer]:
    """Sends one request and reads its answer."""
    helper.requests.write(REQUEST.pack(task, side, len(data)))
    helper.requests.write(data)
    helper.requests.flush()
    outcome, width, height, length = ANSWER.unpack(read_exactly(helper.answers, ANSWER.size))
    if length > most:
        raise EOFError("the helper announces more than any picture has")
    return Outcome(outcome), _Answer(width, height, read_exactly(helper.answers, length))


def _kill(process: subprocess.Popen[bytes], late: Event) -> None:
    late.set()
    process.kill()


def _cannot_start(reason: str) -> WorkspaceError:
    return WorkspaceError(
        f"The process that decodes pictures can't be started ({reason})",
        hint="Check that this machine has free memory, then try again.",
    )
