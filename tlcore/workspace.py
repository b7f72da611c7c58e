"""Where things live, and how large anything from outside may be.

A `Workspace` is passed to whatever needs it: there is no global one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tlcore.errors import InputError, WorkspaceError

HOME_VARIABLE = "TLCORE_HOME"

MEBIBYTE = 1024**2
GIBIBYTE = 1024**3

_SAFE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,119}")


@dataclass(frozen=True)
class Limits:
    """How much may come in from outside. One place, so that a stricter workspace changes one object.

    Attributes:
        archive_bytes: Size of an uploaded archive, in bytes.
        expanded_bytes: Size of everything in an archive or folder once expanded, in bytes.
        expansion_ratio: Expanded size over packed size of one archive member; a photo never compresses a hundredfold.
        pictures: Number of pictures in one dataset.
        picture_bytes: Size of one encoded picture, in bytes.
        picture_pixels: Width times height of one picture. 50 megapixels is a large camera; decoded it takes 150 MB.
        path_length: Length of a path inside an archive or folder, in characters.
        path_depth: Folders above a picture inside an archive or folder.
        decode_seconds: Time that decoding one picture may take.
        decode_bytes: Address space of the decoding process, in bytes.
    """

    archive_bytes: int = 2 * GIBIBYTE
    expanded_bytes: int = 8 * GIBIBYTE
    expansion_ratio: float = 100.0
    pictures: int = 100_000
    picture_bytes: int = 100 * MEBIBYTE
    picture_pixels: int = 50_000_000
    path_length: int = 400
    path_depth: int = 8
    decode_seconds: float = 20.0
    decode_bytes: int = 2 * GIBIBYTE


@dataclass(frozen=True)
class Workspace:
    """The folders of one workspace, and its limits."""

    root: Path
    limits: Limits = field(default_factory=Limits)

    @classmethod
    def open(cls, root: Path | None = None, environment: Mapping[str, str] = os.environ) -> Workspace:
        """The workspace at `root`, else at `$TLCORE_HOME`, else at `~/.tlcore`; its folders are made where missing.

        Raises:
            WorkspaceError: The folder can't be made or written.
        """
        place = root or Path(environment.get(HOME_VARIABLE) or Path.home() / ".tlcore")
        workspace = cls(place.expanduser().resolve())
        try:
            for folder in workspace._folders():
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise WorkspaceError(
                f"The workspace folder can't be made: {error.strerror}",
                value=workspace.root,
                hint=f"Set {HOME_VARIABLE} to a folder that you may write to.",
            ) from error
        return workspace

    def _folders(self) -> tuple[Path, ...]:
        return (self.datasets, self.runs, self.jobs, self.incoming, self.drafts, self.engines, self.logs)

    @property
    def datasets(self) -> Path:
        """Prepared datasets: `datasets/<source>/<name>/`."""
        return self.root / "datasets"

    @property
    def runs(self) -> Path:
        """Training runs, a folder each."""
        return self.root / "runs"

    @property
    def jobs(self) -> Path:
        """Every other job (import, prepare, predict …), a folder each."""
        return self.root / "jobs"

    @property
    def incoming(self) -> Path:
        """Uploads and half-made datasets; whatever lies here is not yet part of the workspace."""
        return self.root / "incoming"

    @property
    def drafts(self) -> Path:
        """Unfinished designs, kept while the person moves between pages."""
        return self.root / "drafts"

    @property
    def engines(self) -> Path:
        """Converted backbones, kept between runs."""
        return self.root / "cache" / "engines"

    @property
    def logs(self) -> Path:
        """Logs of the supervisor and the app."""
        return self.root / "logs"

    @property
    def registry(self) -> Path:
        """The SQLite file that lists jobs and runs; it can be rebuilt from their folders."""
        return self.root / "registry.sqlite"


def check_id(kind: str, value: str) -> str:
    """`value`, if it is safe as the name of a folder: one part, no separators, not hidden, at most 120 characters.

    The one place where names from outside (addresses, command line, archives) are checked before they become paths.

    Args:
        kind: What is being named, for the message: "run", "dataset".
        value: The name.

    Raises:
        InputError: The name could leave its folder or can't be a folder's name.
    """
    if not _SAFE_ID.fullmatch(value) or ".." in value:
        raise InputError(
            f"This can't be the name of a {kind}",
            value=value[:200],
            hint="Use letters, digits, '-', '_' and '.', starting with a letter or a digit.",
        )
    return value
