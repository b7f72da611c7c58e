"""How much of a cache is there, seen from outside: nothing is opened, made or kept in use. For forecasts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, Final

import numpy as np

from tlcore.caches.entry import rows_folder
from tlcore.caches.recipe import Recipe
from tlcore.caches.rowfiles import DIGEST_BYTES, INDEX, ROWS, digests_of
from tlcore.files import read_json
from tlcore.workspace import Workspace

_NOTE: Final = "entry.json"


@dataclass(frozen=True)
class Shelf:
    """The entries of a workspace as they were a moment ago.

    Attributes:
        notes: What each entry's folder says of itself.
    """

    notes: tuple[tuple[Path, dict[str, Any]], ...]

    @classmethod
    def look(cls, workspace: Workspace) -> Shelf:
        """All entries that can be read."""
        found = []
        for path in rows_folder(workspace).glob(f"*/{_NOTE}"):
            try:
                found.append((path.parent, read_json(path)))
            except (OSError, json.JSONDecodeError):
                continue  # just removed, or damaged: then it is made anew
        return cls(tuple(found))

    def missing(self, recipe: Recipe, hashes: Sequence[str]) -> int:
        """How many different pictures have no row.

        Args:
            recipe: What decides the rows. Its `row` is not compared: without the network it is not always known.
            hashes: SHA-256 of the pictures' bytes, in hexadecimal digits.
        """
        wanted = np.unique(digests_of(hashes))
        for folder, note in self.notes:
            if _fits(note, recipe):
                return int(np.count_nonzero(~np.isin(wanted, _digests(folder, note))))
        return len(wanted)


def _fits(note: dict[str, Any], recipe: Recipe) -> bool:
    theirs = sorted(tuple(part) for part in note.get("parts", ()))
    facts = (note.get("kind"), note.get("dataset"), note.get("dtype"))
    return facts == (recipe.kind, recipe.dataset, recipe.dtype) and theirs == sorted(recipe.parts)


def _digests(folder: Path, note: dict[str, Any]) -> np.ndarray[Any, np.dtype[np.bytes_]]:
    """The digests of whole rows; see `tlcore.caches.rowfiles`."""
    row_bytes = prod(note["row"]) * np.dtype(note["dtype"]).itemsize
    try:
        data = (folder / INDEX).read_bytes()
        rows = (folder / ROWS).stat().st_size // row_bytes
    except OSError:
        return np.empty(0, dtype=f"S{DIGEST_BYTES}")
    whole = min(len(data) // DIGEST_BYTES, rows)
    return np.frombuffer(data[: whole * DIGEST_BYTES], dtype=f"S{DIGEST_BYTES}")
