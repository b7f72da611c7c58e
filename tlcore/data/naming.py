"""Names of people's own datasets, and the ids made from them."""

from __future__ import annotations

import re
import unicodedata
from itertools import count
from typing import Final

from tlcore.data.catalog import OWN
from tlcore.errors import ImportRefused
from tlcore.workspace import Workspace, is_safe_id

_LONGEST_NAME: Final = 60


def shown_name(name: str) -> str:
    """A name as pages show it: on one line, without control characters, of bounded length."""
    kept = "".join(letter for letter in name if unicodedata.category(letter) not in ("Cc", "Cs"))
    return " ".join(kept.split())[:_LONGEST_NAME] or "Pictures"


def _folder_name(name: str) -> str:
    """A name as part of an id: letters without accents, digits, '-', '_' and '.'."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    slug = re.sub(r"\.{2,}", ".", re.sub(r"[^A-Za-z0-9._-]+", "-", plain)).strip("-._")
    short = slug[:_LONGEST_NAME].strip("-._") or "pictures"
    # Windows keeps some names for devices.
    return short if is_safe_id(short) else f"pictures-{short}"[:_LONGEST_NAME].strip("-._")


def _folders(workspace: Workspace) -> list[str]:
    folder = workspace.datasets / OWN
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def _taken(workspace: Workspace) -> set[str]:
    # Without regard to case: some file systems make none between Leaves and leaves.
    return {folder.casefold() for folder in _folders(workspace)}


def free_id(workspace: Workspace, name: str) -> str:
    """The id that a new dataset of this name gets.

    Raises:
        ImportRefused: Another dataset has it; the message suggests a free name. Or there are as many as may be.
    """
    slug = _folder_name(name)
    taken = _taken(workspace)
    if len(taken) >= workspace.limits.datasets:
        raise ImportRefused(
            "There are as many datasets as one person may have here; nothing was imported",
            value=f"{len(taken):,} datasets",
            hint="Delete one that you no longer need, or make this a new version of one.",
        )
    if slug.casefold() in taken:
        raise ImportRefused(
            "There is already a dataset of this name; nothing was imported",
            value=shown_name(name),
            hint=f"Choose another name, such as {free_name(workspace, name)}, ask for a new version of that dataset, "
            "or delete it first.",
        )
    return f"{OWN}/{slug}"


def known_id(workspace: Workspace, name: str) -> str | None:
    """The id of the dataset that has this name already, or None."""
    slug = _folder_name(name).casefold()
    return next((f"{OWN}/{folder}" for folder in _folders(workspace) if folder.casefold() == slug), None)


def free_name(workspace: Workspace, name: str) -> str:
    """The name itself, or the first of name-2, name-3 … that no dataset has."""
    taken, shown = _taken(workspace), shown_name(name)
    if _folder_name(shown).casefold() not in taken:
        return shown
    base = shown if _folder_name(shown) != "pictures" else "pictures"
    short = base[: _LONGEST_NAME - 8]
    return next(f"{short}-{n}" for n in count(2) if _folder_name(f"{short}-{n}").casefold() not in taken)
