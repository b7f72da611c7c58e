"""What takes many seconds to make and is only read: the first test process that needs it makes it for all of them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """The folder `name`, filled by `make(folder)` unless another process of this run of the tests did it already."""
    root = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent  # that of all processes: https://pytest-xdist.readthedocs.io/en/stable/how-to.html
    folder = root / f"once-{name}"
    whole = root / f"once-{name}.whole"
    with FileLock(root / f"once-{name}.lock"):
        if not whole.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            whole.touch()
    return folder
