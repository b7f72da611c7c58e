"""The process in which pictures from outside are decoded: `python -m tlcore.images.helper LIMITS`.

It reads requests from standard input and answers on standard output until the input ends, which it does when the
process that started it ends. A hostile picture can make it use up its memory limit or crash, and nothing else.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import warnings
from typing import BinaryIO

from PIL import Image

from tlcore.errors import PictureError
from tlcore.images.decode import inspect_picture, load_picture, shrink_picture
from tlcore.images.messages import ANSWER, READY, REQUEST, Outcome, Task, read_exactly
from tlcore.workspace import Limits


def serve(requests: BinaryIO, answers: BinaryIO, limits: Limits) -> None:
    """Answers requests until there are no more."""
    answers.write(READY)
    answers.flush()
    while header := requests.read(REQUEST.size):
        task, side, length = REQUEST.unpack(header)
        for part in _answer(Task(task), side, read_exactly(requests, length), limits):
            answers.write(part)
        answers.flush()


def _answer(task: Task, side: int, data: bytes, limits: Limits) -> tuple[bytes, bytes | memoryview]:
    """Header and body of the answer to one request."""
    try:
        if task is Task.LOAD:
            pixels = load_picture(data, side or None, limits)
            height, width, _ = pixels.shape
            return ANSWER.pack(Outcome.DONE, width, height, pixels.nbytes), pixels.data.cast("B")
        if task is Task.SHRINK:
            copy = shrink_picture(data, side, limits)
            return ANSWER.pack(Outcome.DONE, 0, 0, len(copy)), copy
        facts = inspect_picture(data, limits)
        body = facts.look + facts.format.encode()
        return ANSWER.pack(Outcome.DONE, facts.width, facts.height, len(body)), body
    except PictureError as error:
        text = json.dumps(error.to_json()).encode()
        return ANSWER.pack(Outcome.REFUSED, 0, 0, len(text)), text


def _limit_memory(limits: Limits) -> None:
    try:
        import resource
    except ImportError:
        return  # Windows has no such limit for a process by itself; the limits on pixels and time remain
    if sys.platform == "darwin":
        return  # macOS accepts the limit and does not keep it
    resource.setrlimit(resource.RLIMIT_AS, (limits.decode_bytes, limits.decode_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main() -> None:
    """Serves the process that started this one."""
    # Ctrl-C in a terminal reaches every process of the group; this one ends when its input does.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    warnings.simplefilter("ignore")
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    # Whatever a decoder prints must not end up among the answers.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    limits = Limits(**json.loads(sys.argv[1]))
    _limit_memory(limits)
    try:
        serve(sys.stdin.buffer, answers, limits)
    except (BrokenPipeError, EOFError):
        sys.exit(1)  # the process that started this one is gone


if __name__ == "__main__":
    main()
