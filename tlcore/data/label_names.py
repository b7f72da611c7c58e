"""Finding pictures by what a table of labels calls them."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Final

from tlcore.data.listing import Member, NamePath

FEW: Final = 10
"""Among more pictures of one name nothing but folders can choose."""


class PictureNames:
    """Finds pictures by a path, a name, a name without its extension. Never a path on disk.

    A table may have been written on another computer: its paths may begin above the pictures' folder, or inside it.
    Each lookup takes the same time, however many pictures have the same name in folders of the same name.
    """

    def __init__(self, pictures: Iterable[Member], depth: int) -> None:
        """Notes the pictures.

        Args:
            pictures: All of them.
            depth: How many folders wrap all of them.
        """
        self._pictures = tuple(pictures)
        # What pictures are called in full, below the folders that wrap all.
        self._whole: dict[NamePath, list[Member]] = {}
        for member in self._pictures:
            _note(self._whole, member.path[depth:], member)
        self._deepest = max(map(len, self._whole), default=0)
        self._longest = max((len(member.path) for member in self._pictures), default=0)
        # By the number of names in a path what the ends of pictures' paths are; made when the first such path is asked.
        self._ends: dict[int, dict[NamePath, list[Member]]] = {}

    def knows(self, cell: str) -> bool:
        """Whether it names a picture."""
        return bool(self.find(cell))

    def find(self, cell: str) -> list[Member]:
        """The pictures that it may mean, at most one more than `FEW`; one that is called so in full goes before those
        with another extension.
        """
        text = unicodedata.normalize("NFC", cell.replace("\\", "/")).casefold()
        path = tuple(part for part in text.split("/") if part not in ("", ".")) or ("",)
        hits = {member.path: member for member in self._ending(len(path)).get(path, ())}
        for length in range(1, min(len(path), self._deepest + 1)):
            hits |= {member.path: member for member in self._whole.get(path[-length:], ())}
        found = list(hits.values())[: FEW + 1]
        if 1 < len(found) <= FEW:
            found = [member for member in found if member.path[-1].casefold() == path[-1]] or found
        return found

    def _ending(self, length: int) -> dict[NamePath, list[Member]]:
        if length > self._longest:
            return {}
        if length not in self._ends:
            ends = self._ends[length] = {}
            for member in self._pictures:
                if len(member.path) >= length:
                    _note(ends, member.path[-length:], member)
        return self._ends[length]


def _note(found: dict[NamePath, list[Member]], path: NamePath, member: Member) -> None:
    """Notes a picture by a path, with the extension and without; no more than it takes to say that there are many."""
    *folders, name = (part.casefold() for part in path)
    for called in {name, PurePosixPath(name).stem}:
        same = found.setdefault((*folders, called), [])
        if len(same) <= FEW:
            same.append(member)
