"""From an upload in memory to a file in the workspace, where a background job finds it."""

from __future__ import annotations

import shutil
import time
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from streamlit.typing import UploadedFile

from tlcore.data.incoming import UPLOAD, upload_path
from tlcore.data.listing import check_amounts
from tlcore.errors import ImportRefused, WorkspaceError
from tlcore.modes import Source
from tlcore.workspace import MEBIBYTE, Limits, Mode, Workspace

_DAY: Final = 24 * 3600
# Long enough for a job that waits over a weekend, or on a machine that strangers share, over a night; what is older was
# left behind by somebody who went away.
_KEPT_SECONDS: Final[dict[Mode, int]] = {"local": 7 * _DAY, "team": 7 * _DAY, "demo": _DAY}
_MOST_AT_ONCE: Final = 2


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
        ImportRefused: It is larger than an archive may be, or uploads are switched off.
        WorkspaceError: The disk is full or can't be written.
    """
    workspace.check_source(Source.UPLOADS)
    _check_archive(upload.size, workspace.limits)
    _check_room(upload.size, workspace)
    path = _new_path(workspace, upload.name)
    with _kept_whole(path, workspace), path.open("wb") as file:
        upload.seek(0)
        shutil.copyfileobj(upload, file, MEBIBYTE)
    return path


def keep_folder(workspace: Workspace, uploads: Sequence[UploadedFile]) -> Path:
    """Packs the files of an uploaded folder into one archive, uncompressed.

    Their names come from outside and may be hostile paths: as members of an archive they are only text, and the import
    judges them as it judges those of any archive.

    Raises:
        ImportRefused: As for `keep_files`.
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
        ImportRefused: There are too many files, they are too large together, or a name is too long or unusable.
        WorkspaceError: There is too little room on the disk. Where it is full only once the files are being written, or
            can't be written, the archive from before is gone, too.
    """
    _check_files(workspace, uploads, before)
    path = before.path if before else _new_path(workspace, "folder.zip")
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


def _check_files(workspace: Workspace, uploads: Sequence[UploadedFile], before: KeptUpload | None) -> None:
    """Refuses before anything is written what the import would refuse."""
    workspace.check_source(Source.UPLOADS)
    limits = workspace.limits
    fresh = sum(upload.size for upload in uploads)
    total = fresh + (before.size if before else 0)
    check_amounts(len(uploads) + (before.files if before else 0), total, limits)
    _check_archive(total, limits)
    for upload in uploads:
        _check_name(upload.name, limits)
    _check_room(fresh, workspace)


def _check_archive(size: int, limits: Limits) -> None:
    if size > limits.archive_bytes:
        raise ImportRefused(
            "This is too large to be uploaded",
            value=f"{size / 1e6:,.0f} MB",
            hint=f"At most {limits.archive_bytes / 1e6:,.0f} MB together. Choose a part of the pictures, or make them "
            "smaller: a side of 500 pixels is plenty.",
        )


def _check_room(size: int, workspace: Workspace) -> None:
    _check_waiting(size, workspace)
    try:
        free = shutil.disk_usage(workspace.incoming).free
    except OSError:
        return  # writing tells what is wrong
    if size > free:
        raise WorkspaceError(
            "There is too little room on the disk for this upload",
            value=f"{size / 1e6:,.0f} MB, {free / 1e6:,.0f} MB free",
            hint="Free some disk space, or choose fewer files.",
        )


def _check_waiting(size: int, workspace: Workspace) -> None:
    """On a machine that people share, nobody fills the disk with uploads that nothing is done with."""
    if not workspace.policy.shared_machine:
        return
    waiting = sum(_size(path) for path in workspace.incoming.glob(f"{UPLOAD}*"))
    most = _MOST_AT_ONCE * workspace.limits.archive_bytes
    if waiting + size > most:
        raise ImportRefused(
            "Too many of your uploads are waiting",
            value=f"{(waiting + size) / 1e6:,.0f} MB",
            options=[f"up to {most / 1e6:,.0f} MB"],
            hint="Import or remove those that you chose before.",
        )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0  # its job has just ended


def _check_name(name: str, limits: Limits) -> None:
    """Refuses what can't be the name of an archive's member."""
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise _bad_name(name, "It has characters that can't be written; rename it.") from error
    if len(name) > limits.path_length:
        raise _bad_name(name, f"At most {limits.path_length} characters with its folders; shorten it.")


def _bad_name(name: str, hint: str) -> ImportRefused:
    return ImportRefused("The name of a file can't be used", value=ascii(name[:100])[1:-1], hint=hint)


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
    oldest = time.time() - _KEPT_SECONDS[workspace.mode]
    for path in workspace.incoming.glob(f"{UPLOAD}*"):
        try:
            if path.stat().st_mtime < oldest:
                path.unlink()
        except FileNotFoundError:
            continue  # its job has just ended


def _new_path(workspace: Workspace, name: str) -> Path:
    _sweep(workspace)
    return upload_path(workspace, name)


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
