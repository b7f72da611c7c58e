"""The app, which writes what each of its threads is at into its log when a test sends it SIGUSR1.

Told by Python and not by `faulthandler`, which reads the frames of threads that run and may crash the app.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from types import FrameType

from streamlit.web.cli import main

TOLD = "That were all threads."


def tell(number: int, frame: FrameType | None) -> None:
    """Writes the stack of every thread, the innermost call first."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    for ident, top in sys._current_frames().items():
        lines = [f"Thread {names.get(ident, ident)} (most recent call first):"]
        lines += [
            f'  File "{call.filename}", line {call.lineno} in {call.name}'
            for call in reversed(traceback.extract_stack(top))
        ]
        os.write(sys.stderr.fileno(), "\n".join([*lines, "", ""]).encode())
    os.write(sys.stderr.fileno(), f"{TOLD}\n".encode())


if __name__ == "__main__":
    signal.signal(signal.SIGUSR1, tell)
    sys.exit(main())
