"""From format 1 to 2: a run's own description says who named it and whether it lies in the bin.

The registry gets the columns for it when it is opened (`runs/database.py`); it is backed up here.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tlcore.files import read_json, write_json

_NEW: Final = {"named": False, "archived": False}

logger = logging.getLogger(__name__)


def described_jobs(root: Path) -> Iterator[Path]:
    """Descriptions and settings of all runs and jobs, and the registry."""
    yield root / "registry.sqlite"
    for parent in ("runs", "jobs"):
        for name in ("meta.json", "config.json"):
            yield from sorted((root / parent).glob(f"*/{name}"))


def give_names_and_bin(root: Path) -> None:
    """Writes what is new into each description; a damaged one stays as it is, and is told where it is read."""
    for parent in ("runs", "jobs"):
        for path in sorted((root / parent).glob("*/meta.json")):
            try:
                document = read_json(path)
            except (json.JSONDecodeError, UnicodeDecodeError):
                logger.warning("left as it is, because it is damaged: %s", path)
                continue
            if isinstance(document, dict) and not _NEW.keys() <= document.keys():
                write_json(path, _NEW | document)
