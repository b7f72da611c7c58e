"""One budget for all caches: what is used least recently makes way, what is in use never does."""

from __future__ import annotations

import logging
import shutil
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, get_args

from tlcore.caches.checkpoints import makes_way, remove_kept, sweep_kept
from tlcore.caches.entry import (
    cannot_write,
    doors,
    in_use,
    list_entries,
    promise,
    promised_growth,
    remove,
    rows_folder,
    sweep,
)
from tlcore.caches.holdings import NOT_MADE_AGAIN, CacheKind, Item, list_items
from tlcore.caches.rowfiles import has_files, scrub
from tlcore.errors import CacheFull
from tlcore.workspace import CACHE_VARIABLE, Workspace

__all__ = ["Cleared", "Item", "clear", "forget", "list_items", "reserve", "room", "used"]

_MOST_SPARE_BYTES: Final = 1_000_000_000
_SPARE_SHARE: Final = 0.05
_BUSY_SECONDS: Final = 2.0
_KEPT_TO_GO_ON: Final = (
    "Trainings that were stopped or interrupted, or failed, keep what they need to go on: let them go on, or delete "
    "them."
)

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Cleared:
    """What was removed.

    Attributes:
        items: How many.
        bytes: What they took on the disk.
        kept_in_use: How many stayed because somebody uses them, or the system refused.
    """

    items: int
    bytes: int
    kept_in_use: int


def used(items: Collection[Item]) -> int:
    """What counts against the budget, in bytes: all but the small copies, which bound themselves."""
    return sum(item.bytes for item in items if item.kind != "thumbnails")


def room(workspace: Workspace, later: bool = False) -> int:
    """Bytes that a run could have for its caches, were all evicted that `reserve` may evict.

    The disk keeps a gigabyte free besides, or a twentieth of itself where that is less.

    Args:
        workspace: Whose caches.
        later: Whether the run is still to come: whoever uses something now will have ended by then. What a training
            that is not done needs will stay even so.
    """
    items = list_items(workspace)
    if later:
        items = tuple(replace(item, in_use=item.in_use and item.kind in NOT_MADE_AGAIN) for item in items)
    return max(0, min(_limits_of_room(workspace, items)))


def _limits_of_room(workspace: Workspace, items: Collection[Item]) -> tuple[int, int]:
    """What the budget allows, and what the disk does."""
    evictable = sum(item.bytes for item in items if _can_go(item))
    within_budget = workspace.limits.cache_bytes - (used(items) - evictable)
    return within_budget, _disk_left(workspace) + evictable


def _disk_left(workspace: Workspace) -> int:
    """Free bytes on the disk beyond the reserve and what others were promised."""
    usage = shutil.disk_usage(workspace.root)
    spare = min(_MOST_SPARE_BYTES, int(usage.total * _SPARE_SHARE))
    return usage.free - spare - promised_growth(workspace)


def _can_go(item: Item) -> bool:
    """Whether it makes way by itself. What a stopped training would go on from goes only when somebody clears it."""
    if item.in_use or item.kind == "thumbnails":
        return False
    return item.kind != "checkpoints" or makes_way(item.paths[0])


def reserve(workspace: Workspace, growth: Mapping[Path, int]) -> None:
    """Makes sure that entries may grow, and evicts for it what was used least recently.

    Args:
        workspace: Whose caches.
        growth: Bytes by which entries will grow, by their folders; their writers' locks are held.

    Raises:
        CacheFull: There is no room, even if all is evicted that may make way; then nothing is.
        WorkspaceError: The caches can't be written.
    """
    wanted = sum(growth.values())
    with doors(workspace):
        sweep(workspace)
        sweep_kept(workspace)
        items = list_items(workspace)
        surplus = max(used(items) + wanted - workspace.limits.cache_bytes, wanted - _disk_left(workspace))
        evictable = [item for item in items if _can_go(item)]
        # Networks are small, and dear to make; what a training would go on from is the dearest.
        evictable.sort(key=lambda item: (item.kind in NOT_MADE_AGAIN, item.kind == "networks", item.last_used))
        if surplus > sum(item.bytes for item in evictable):
            raise _no_room(workspace, items, wanted)
        for item in evictable:
            if surplus <= 0:
                break
            _log.info("evicted from the caches: %s (%s)", item.title, item.dataset)
            surplus -= item.bytes if _remove(item, asked=False) else 0
        if surplus > 0:
            raise _no_room(workspace, items, wanted)
        try:
            for folder, size in growth.items():
                promise(folder, size)
        except OSError as error:
            raise cannot_write(error) from error


def _no_room(workspace: Workspace, items: Collection[Item], wanted: int) -> CacheFull:
    within_budget, on_disk = _limits_of_room(workspace, items)
    if within_budget <= on_disk:
        what = "The caches may not take as much as this needs"
        hint = (
            f"Wait until other trainings have ended, set {CACHE_VARIABLE} to more gigabytes, or choose a smaller image "
            f"size or a smaller share of the pictures. {_KEPT_TO_GO_ON}"
        )
    else:
        what = "The disk has no room for the caches that this needs"
        hint = (
            f"Free some disk space, or choose a smaller image size or a smaller share of the pictures. {_KEPT_TO_GO_ON}"
        )
    have = max(0, min(within_budget, on_disk))
    return CacheFull(what, value=f"{wanted / 1e6:,.0f} MB where {have / 1e6:,.0f} MB can be had", hint=hint)


def clear(workspace: Workspace, kinds: Collection[CacheKind] | None = None, dataset: str | None = None) -> Cleared:
    """Removes what nobody uses. It costs time only, whatever is needed again is made again; but for checkpoints.

    Args:
        workspace: Whose caches.
        kinds: Only these; None: all but checkpoints, without which a training can't learn for longer.
        dataset: Only what was made of this dataset's pictures; None: of all.

    Raises:
        WorkspaceError: Another process has been busy with the caches for a minute.
    """
    items, size, kept = 0, 0, 0
    wanted = kinds if kinds is not None else set(get_args(CacheKind)) - NOT_MADE_AGAIN
    with doors(workspace):
        sweep(workspace)
        sweep_kept(workspace)
        for item in list_items(workspace):
            if item.kind not in wanted or (dataset is not None and item.dataset != dataset):
                continue
            if not item.in_use and _remove(item):
                items += 1
                size += item.bytes
            else:
                kept += 1
    return Cleared(items, size, kept)


def forget(workspace: Workspace, dataset_id: str, hashes: Collection[str] | None = None) -> None:
    """Removes what was made of pictures that are deleted for good, also what is in use.

    A training that is at work reads on what it has open. What it opens or fills after this is an entry like any
    other, which stays until it is forgotten or cleared: forget again once the pictures can't be read any more.

    Args:
        workspace: Whose caches.
        dataset_id: The pictures' dataset.
        hashes: SHA-256 of their bytes; None: all of the dataset. Where only some go, the rows of the others stay,
            except in an entry that is in use, which goes as a whole: its users must not find rows changed.

    Raises:
        WorkspaceError: Something can't be read or removed, or another process has been busy with the caches for a
            minute.
    """
    if not rows_folder(workspace).is_dir() or (hashes is not None and not hashes):
        return
    with doors(workspace):
        sweep(workspace)
        try:
            for entry in list_entries(workspace, strict=True):
                if entry.dataset != dataset_id:
                    continue
                if hashes is None or in_use(entry.folder) or not has_files(entry.folder):
                    remove(entry.folder)
                else:
                    scrub(entry.folder, entry.row_bytes, hashes)
        except OSError as error:
            raise cannot_write(error) from error


def _remove(item: Item, asked: bool = True) -> bool:
    """Removes an item that nobody uses, because a person asked or for want of room; whether that worked."""
    try:
        if item.kind == "thumbnails":
            _empty(item.paths)
        elif item.kind == "checkpoints":
            return remove_kept(item.paths[0], asked)
        elif item.kind == "networks":
            for path in item.paths:
                path.unlink(missing_ok=True)
        else:
            remove(item.paths[0])
    except (OSError, sqlite3.Error) as error:
        _log.warning("%s can't be removed from the caches: %s", item.title, error)
        return False
    return True


def _empty(paths: Sequence[Path]) -> None:
    """Takes all rows out of an SQLite file that others may have open; a damaged one is removed."""
    try:
        with closing(sqlite3.connect(paths[0], timeout=_BUSY_SECONDS, isolation_level=None)) as connection:
            tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            for (name,) in tables:
                connection.execute(f'DELETE FROM "{name}"')  # noqa: S608 - the file's own names
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    except sqlite3.OperationalError:  # it is locked, or the disk is full
        raise
    except sqlite3.DatabaseError:
        for path in paths:
            path.unlink(missing_ok=True)
