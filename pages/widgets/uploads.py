"""From an upload in memory to a file in the workspace, where a background job finds it."""

from __future__ import annotations

import re
import shutil
import time
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final
from uuid import uuid4

from streamlit.typing import UploadedFile

from tlcore.errors import WorkspaceError
from tlcore.workspace import MEBIBYTE, Workspace

_PREFIX: Final = "upload-"
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST_NAME: Final = 60
# Long enough for a job that waits over a weekend; what is older was left behind by somebody who went away.
_KEPT_SECONDS: Final = 7 * 24 * 3600


@dataclass(frozen=True)
class KeptUpload:
    """An upload that lies in the workspace and waits for what is to be done with it.

    Attributes:
        path: An archive, or a single file.
        name: What the person calls it.
        files: How many files were chosen.
        size: In bytes.
        folders: Files by the folder that they lie in, for folders.
    """

    path: Path
    name: str
    files: int
    size: int
    folders: dict[str, int]


def keep_upload(workspace: Workspace, upload: UploadedFile) -> Path:
    """Copies one uploaded file, block by block, under a name of our own.

    Raises:
        WorkspaceError: The disk is full or can't be written.
    """
    path = _new_path(workspace, upload.name, Path(upload.name).suffix)
    with _kept_whole(path, workspace), path.open("wb") as file:
        upload.seek(0)
        shutil.copyfileobj(upload, file, MEBIBYTE)
    return path


def keep_folder(workspace: Workspace, uploads: Sequence[UploadedFile]) -> Path:
    """Packs the files of an uploaded folder into one archive, uncompressed.

    Their names come from outside and may be hostile paths: as members of an archive they are only text, and the import
    judges them as it judges those of any archive.

    Raises:
        WorkspaceError: The disk is full or can't be written.
    """
    return keep_files(workspace, uploads, None).path


def keep_one(workspace: Workspace, upload: UploadedFile) -> KeptUpload:
    """`keep_upload`, with what a page tells of it. Raises as that does."""
    return KeptUpload(keep_upload(workspace, upload), upload.name, 1, upload.size, {})


def keep_files(workspace: Workspace, uploads: Sequence[UploadedFile], before: KeptUpload | None) -> KeptUpload:
    """Packs files as `keep_folder` does, together with those that were `before` chosen for the same purpose.

    The same file chosen twice is there once; another one of the same name gets a free name.

    Raises:
        WorkspaceError: The disk is full or can't be written; the archive from before is gone then, too.
    """
    path = before.path if before else _new_path(workspace, "folder", ".zip")
    with _kept_whole(path, workspace), zipfile.ZipFile(path, "a", zipfile.ZIP_STORED) as archive:
        for upload in uploads:
            name = _free_member(archive, upload.name.replace("\\", "/"), upload)
            if name is not None:
                archive.writestr(name, upload.getbuffer())
        members = archive.infolist()
    folders: dict[str, int] = {}
    for member in members:
        parent = PurePosixPath(member.filename).parent.name
        folders[parent] = folders.get(parent, 0) + 1
    top = members[0].filename.split("/")[0] if members and "/" in members[0].filename else ""
    return KeptUpload(path, before.name if before else top, len(members), path.stat().st_size, folders)


def _free_member(archive: zipfile.ZipFile, name: str, upload: UploadedFile) -> str | None:
    """The name, or a free one like it where another file has it; None where the very same file is there."""
    stem, dot, suffix = name.rpartition(".")
    base, ending = (stem, dot + suffix) if stem and "/" not in suffix else (name, "")
    candidate, number = name, 1
    while candidate in archive.NameToInfo:
        if zlib.crc32(upload.getbuffer()) == archive.NameToInfo[candidate].CRC:
            return None
        number += 1
        candidate = f"{base}-{number}{ending}"
    return candidate


def forget_upload(kept: KeptUpload) -> None:
    """Removes an upload that nobody wants any more."""
    kept.path.unlink(missing_ok=True)


def _sweep(workspace: Workspace) -> None:
    """Removes the uploads of people who went away before they did anything with them."""
    oldest = time.time() - _KEPT_SECONDS
    for path in workspace.incoming.glob(f"{_PREFIX}*"):
        try:
            if path.stat().st_mtime < oldest:
                path.unlink()
        except FileNotFoundError:
            continue  # its job has just ended


def _new_path(workspace: Workspace, name: str, suffix: str) -> Path:
    """A free path whose name resembles the upload's: error messages show it."""
    _sweep(workspace)
    plain = _UNSAFE.sub("-", Path(name).stem).strip("-.")[:_LONGEST_NAME]
    ending = _UNSAFE.sub("", suffix.lower())[:6]
    return workspace.incoming / f"{_PREFIX}{uuid4().hex[:12]}-{plain or 'archive'}{ending}"


@contextmanager
def _kept_whole(path: Path, workspace: Workspace) -> Iterator[None]:
    """Whatever can't be written whole is removed."""
    try:
        yield
    except OSError as error:
        path.unlink(missing_ok=True)
        raise WorkspaceError(
            f"The upload can't be kept: {error.strerror}", value=workspace.incoming, hint="Is the disk full?"
        ) from error
