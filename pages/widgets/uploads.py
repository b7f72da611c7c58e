"""From an upload in memory to a file in the workspace, where a background job finds it."""

from __future__ import annotations

import re
import shutil
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from uuid import uuid4

from streamlit.typing import UploadedFile

from tlcore.errors import WorkspaceError
from tlcore.workspace import MEBIBYTE, Workspace

_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST_NAME: Final = 60


def keep_upload(workspace: Workspace, upload: UploadedFile) -> Path:
    """Copies one uploaded archive, block by block, under a name of our own.

    Raises:
        WorkspaceError: The disk is full or can't be written.
    """
    path = _new_path(workspace, upload.name)
    try:
        with path.open("wb") as file:
            upload.seek(0)
            shutil.copyfileobj(upload, file, MEBIBYTE)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise _not_kept(error, workspace) from error
    return path


def keep_folder(workspace: Workspace, uploads: Sequence[UploadedFile]) -> Path:
    """Packs the files of an uploaded folder into one archive, uncompressed.

    Their names come from outside and may be hostile paths: as members of an archive they are only text, and the import
    judges them as it judges those of any archive.

    Raises:
        WorkspaceError: The disk is full or can't be written.
    """
    path = _new_path(workspace, "folder")
    try:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
            for upload in uploads:
                archive.writestr(upload.name.replace("\\", "/"), upload.getbuffer())
    except OSError as error:
        path.unlink(missing_ok=True)
        raise _not_kept(error, workspace) from error
    return path


def _new_path(workspace: Workspace, name: str) -> Path:
    """A free path whose name resembles the upload's: error messages show it."""
    plain = _UNSAFE.sub("-", Path(name).stem).strip("-.")[:_LONGEST_NAME]
    return workspace.incoming / f"upload-{uuid4().hex[:12]}-{plain or 'archive'}.zip"


def _not_kept(error: OSError, workspace: Workspace) -> WorkspaceError:
    return WorkspaceError(
        f"The upload can't be kept: {error.strerror}", value=workspace.incoming, hint="Is the disk full?"
    )
