"""The command line as scripts call it: in a process of its own, or in this one, which spares the start of one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from tlcore.cli import main


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


def tlcore_here(home: Path, *arguments: object) -> Ran:
    """The command in this process; jobs have processes of their own all the same."""
    done = CliRunner().invoke(main, [*map(str, arguments)], env={"TLCORE_HOME": str(home)})
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return Ran(done.exit_code, done.stdout, done.stderr)
