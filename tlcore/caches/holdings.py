"""What the caches hold and what it takes on the disk: what can be made again, and what trainings go on from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

from tlcore.caches.checkpoints import Kept, list_kept
from tlcore.caches.entry import Entry, in_use, list_entries
from tlcore.workspace import Workspace

CacheKind = Literal["images", "features", "trunk", "networks", "thumbnails", "checkpoints"]
"""The kinds of rows, converted backbones, the small copies of pictures that pages show, and what trainings kept."""

NOT_MADE_AGAIN: Final[frozenset[CacheKind]] = frozenset({"checkpoints"})
"""What only another training would bring back: it is cleared where it is named, and makes way last,
that of trainings which have all their rounds."""

_NETWORK_NAME: Final = re.compile(r"(?P<name>.+)-(?P<size>[0-9]+)-[0-9a-f]{16}")


@dataclass(frozen=True)
class Item:
    """One thing that a cache holds.

    Attributes:
        kind: What it is.
        title: What it is, in words.
        dataset: Whose pictures it was made of; "" where it is not one dataset's.
        bytes: What it takes on the disk, or will take once whoever fills it has ended.
        last_used: When somebody used it last.
        in_use: Whether a living process uses it, or a training that has not ended well needs it: then it stays.
        paths: Its files or its folder.
    """

    kind: CacheKind
    title: str
    dataset: str
    bytes: int
    last_used: datetime
    in_use: bool
    paths: tuple[Path, ...]


def list_items(workspace: Workspace) -> tuple[Item, ...]:
    """Everything in the caches, least recently used first."""
    items = [_of_entry(entry) for entry in list_entries(workspace)]
    items += _networks(workspace)
    items += _thumbnails(workspace)
    items += [_of_kept(kept) for kept in list_kept(workspace)]
    return tuple(sorted(items, key=lambda item: item.last_used))


def _of_entry(entry: Entry) -> Item:
    return Item(
        entry.kind,
        entry.title,
        entry.dataset,
        entry.bytes,
        entry.last_used,
        in_use(entry.folder),
        (entry.folder,),
    )


def _of_kept(kept: Kept) -> Item:
    return Item("checkpoints", kept.title, kept.dataset, kept.bytes, kept.last_used, kept.needed, (kept.folder,))


def _networks(workspace: Workspace) -> list[Item]:
    """Converted backbones: files that share a stem. Names that begin with a dot are being written."""
    by_stem: dict[str, list[Path]] = {}
    for path in sorted(workspace.engines.glob("*")):
        if path.is_file() and not path.name.startswith(".") and path.suffix != ".lock":
            by_stem.setdefault(path.stem, []).append(path)
    return [
        _of_files("networks", _network_title(stem), tuple(paths), read_counts=True) for stem, paths in by_stem.items()
    ]


def _network_title(stem: str) -> str:
    parts = _NETWORK_NAME.fullmatch(stem)
    return f"{parts['name']}, {parts['size']} pixels" if parts else stem


def _thumbnails(workspace: Workspace) -> list[Item]:
    path = workspace.thumbnails
    files = [path.with_name(path.name + end) for end in ("", "-wal", "-shm")]
    here = tuple(file for file in files if file.is_file())
    return [_of_files("thumbnails", "Small copies of pictures for pages", here)] if path.is_file() else []


def _of_files(kind: CacheKind, title: str, paths: tuple[Path, ...], read_counts: bool = False) -> Item:
    size, used = 0, 0.0
    for path in paths:
        try:
            facts = path.stat()
        except FileNotFoundError:
            continue  # removed meanwhile
        size += facts.st_size
        # A network is written once and read often, so its time of reading says more than that of writing.
        used = max(used, facts.st_mtime, facts.st_atime if read_counts else 0.0)
    return Item(kind, title, "", size, datetime.fromtimestamp(used, UTC), False, paths)
