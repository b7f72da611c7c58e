"""What a dataset was imported from, noted beside it: the same folder or zip needs no second import."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Literal

from tlcore.data.catalog import OWN
from tlcore.data.dataset import DatasetInfo
from tlcore.data.index import summarise
from tlcore.data.listing import Listing
from tlcore.data.stored import read_info, read_rows
from tlcore.errors import DatasetError
from tlcore.files import read_json, write_json
from tlcore.workspace import Workspace

_SOURCE: Final = "source.json"

_log = logging.getLogger(__name__)


def stamp_of(path: Path, listing: Listing) -> str:
    """Changes when the folder's or zip's content does, as far as names, sizes and times tell."""
    digest = hashlib.sha256(str(path.resolve()).encode(errors="surrogateescape"))
    if path.is_file():
        facts = path.stat()
        digest.update(f"\n{facts.st_size} {facts.st_mtime_ns}".encode())
    for member in listing.members:
        digest.update(f"\n{'/'.join(member.path)}\t{member.size} {member.modified}".encode())
    return digest.hexdigest()


def note_source(folder: Path, info: DatasetInfo, stamp: str) -> None:
    """Notes what a dataset was made of. It is published by now; without the note it is imported once too often."""
    try:
        write_json(folder / _SOURCE, {"stamp": stamp, "content": _content(folder, info)})
    except (OSError, DatasetError) as error:
        _log.warning("what %s was made of can't be noted: %s", info.id, error)


def made_of(folder: Path, stamp: str) -> Literal["same", "changed"] | None:
    """Whether a dataset was made of what has this stamp: `same` if it still is what was imported; None for another.

    Raises:
        DatasetError: It was, and is damaged.
    """
    note = _read(folder)
    if note.get("stamp") != stamp:
        return None
    info = read_info(folder)
    if "content" not in note:  # an older program did not note it
        return "same" if info.version == 1 else "changed"
    return "same" if note["content"] == _content(folder, info) else "changed"


def find_made_by(workspace: Workspace, job_id: str) -> DatasetInfo | None:
    """The dataset whose pictures a job has brought in: one that was killed right afterwards must not do it twice."""
    for folder in sorted((workspace.datasets / OWN).glob("*")):
        try:
            info = read_info(folder)
        except DatasetError:
            continue  # damaged, which is told where it is opened
        if info.made_by == job_id:
            return info
    return None


def _read(folder: Path) -> dict[str, Any]:
    try:
        document = read_json(folder / _SOURCE)
    except (OSError, ValueError):
        return {}  # a damaged note costs one import too many, nothing else
    return document if isinstance(document, dict) else {}


def _content(folder: Path, info: DatasetInfo) -> str:
    """Changes with the pictures, their classes and parts; unlike the fingerprint not with what is kept together, which
    the check of a dataset notes: nobody changed anything then.
    """
    rows = [replace(row, group=-1) for row in read_rows(folder, info.version)]
    return summarise(info.class_names, rows).fingerprint
