"""Processes that tests leave behind: jobs outlive whoever started them."""

from __future__ import annotations

from pathlib import Path

import psutil

from tlcore.workspace import HOME_VARIABLE


def end_processes_of(home: Path) -> None:
    """Ends what still works in the workspace at `home`: supervisors, workers, and what they started."""
    ended = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(HOME_VARIABLE) == str(home) or str(home) in process.cmdline():
                process.kill()
                ended.append(process)
        except psutil.Error:
            continue
    psutil.wait_procs(ended, timeout=60)
