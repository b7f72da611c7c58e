"""How much of a cache is there, seen from outside: nothing is opened, made or kept in use. For forecasts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tlcore.caches.entry import Note, list_folders, read_note
from tlcore.caches.recipe import Recipe
from tlcore.caches.rowfiles import DIGEST_BYTES, INDEX, ROWS, Digests, digests_of
from tlcore.workspace import Workspace


@dataclass(frozen=True)
class Shelf:
    """The entries of a workspace as they were a moment ago.

    Attributes:
        notes: What each entry's folder says of itself.
    """

    notes: tuple[tuple[Path, Note], ...]

    @classmethod
    def look(cls, workspace: Workspace) -> Shelf:
        """All entries that can be read."""
        found = []
        for folder in list_folders(workspace):
            try:
                note = read_note(folder)
            except OSError:
                continue  # it may be readable by the time that it is needed
            if note is not None:
                found.append((folder, note))
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


def _fits(note: Note, recipe: Recipe) -> bool:
    facts = (note.kind, note.dataset, note.dtype)
    return facts == (recipe.kind, recipe.dataset, recipe.dtype) and sorted(note.parts) == sorted(recipe.parts)


def _digests(folder: Path, note: Note) -> Digests:
    """The digests of whole rows; see `tlcore.caches.rowfiles`."""
    try:
        data = (folder / INDEX).read_bytes()
        rows = (folder / ROWS).stat().st_size // note.row_bytes
    except OSError:
        return np.empty(0, dtype=f"S{DIGEST_BYTES}")
    whole = min(len(data) // DIGEST_BYTES, rows)
    return np.frombuffer(data[: whole * DIGEST_BYTES], dtype=f"S{DIGEST_BYTES}")
