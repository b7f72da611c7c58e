"""The command line as scripts call it: in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Ran:
    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def tlcore(home: Path, *arguments: object) -> Ran:
    done = subprocess.run(
        [sys.executable, "-m", "tlcore", *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        env=os.environ | {"TLCORE_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert "Traceback" not in done.stderr
    return Ran(done.returncode, done.stdout, done.stderr)
