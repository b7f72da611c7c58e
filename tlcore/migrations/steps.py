"""The steps from each format of a workspace to the next.

A step can be cut short at any moment and is then done again from its beginning, so it looks at each file, leaves what
is changed already, and replaces each file atomically. It changes no file but those that it names beforehand, which are
backed up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tlcore.migrations.names_and_bin import described_jobs, give_names_and_bin


@dataclass(frozen=True)
class Step:
    """From one format to the next.

    Attributes:
        what: What it changes, in plain words.
        files: The files in a workspace's folder that it may change: small ones.
        run: Changes them.
    """

    what: str
    files: Callable[[Path], Iterator[Path]]
    run: Callable[[Path], None]


STEPS: Final[tuple[Step, ...]] = (
    # 1 -> 2
    Step("runs can be named, tagged and put into a bin", described_jobs, give_names_and_bin),
)
"""The first one leads from format 1 to format 2."""
