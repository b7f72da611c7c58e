"""Where things live, and how large anything from outside may be.

A `Workspace` is passed to whatever needs it: there is no global one.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal, get_args

from tlcore.errors import ImportRefused, InputError, WorkspaceError

HOME_VARIABLE = "TLCORE_HOME"
HOST_VARIABLE = "TLCORE_HOST"
MODE_VARIABLE = "TLCORE_MODE"
ROOTS_VARIABLE = "TLCORE_ROOTS"
CACHE_VARIABLE = "TLCORE_CACHE_GB"

Mode = Literal["local", "demo"]
"""Who uses a workspace: `local`, people who may read this machine's folders anyway; `demo`, anybody from anywhere."""

MEBIBYTE = 1024**2
GIBIBYTE = 1024**3

_MOST_CACHE_GB = 1_000_000
_SAFE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,119}")
# Windows keeps these for devices, in any folder and with any extension, and drops a dot at a name's end.
_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?|.*\.", re.IGNORECASE)


@dataclass(frozen=True)
class Limits:
    """How much may come in from outside. One place, so that a stricter workspace changes one object.

    Attributes:
        archive_bytes: Size of an uploaded archive, in bytes.
        expanded_bytes: Size of everything in an archive or folder once expanded, in bytes.
        expansion_ratio: Expanded size over packed size, of one archive member and of all together; a photo never
            compresses a hundredfold.
        harmless_bytes: Size up to which a member's ratio is not looked at, in bytes: a plain BMP packs a thousandfold.
        pictures: Number of pictures in one dataset.
        picture_bytes: Size of one encoded picture, in bytes.
        picture_pixels: Width times height of one picture. 50 megapixels is a large camera; decoded it takes 150 MB.
        path_length: Length of a path inside an archive or folder, in characters.
        path_depth: Folders above a picture inside an archive or folder.
        decode_seconds: Time that decoding one picture may take.
        decode_bytes: Address space of the decoding process, in bytes.
        cache_bytes: What all caches together may take on the disk; those used least recently make way.
    """

    archive_bytes: int = 2 * GIBIBYTE
    expanded_bytes: int = 8 * GIBIBYTE
    expansion_ratio: float = 100.0
    harmless_bytes: int = MEBIBYTE
    pictures: int = 100_000
    picture_bytes: int = 100 * MEBIBYTE
    picture_pixels: int = 50_000_000
    path_length: int = 400
    path_depth: int = 8
    decode_seconds: float = 20.0
    decode_bytes: int = 2 * GIBIBYTE
    cache_bytes: int = 20_000_000_000

    @property
    def members(self) -> int:
        """Files of any kind in an archive or folder, so that lists of what was left out stay bearable."""
        return 4 * self.pictures

    @property
    def table_bytes(self) -> int:
        """Size of an archive's table of contents. It is held in memory, some 600 bytes an entry of at least 47."""
        return max(MEBIBYTE, 500 * self.pictures)


LIMITS: Final[Mapping[Mode, Limits]] = MappingProxyType(
    {
        "local": Limits(),
        # A small shared machine (3 GB of memory, 2 cores) that strangers use at the same time.
        "demo": Limits(
            archive_bytes=200 * MEBIBYTE,
            expanded_bytes=500 * MEBIBYTE,
            pictures=5_000,
            picture_bytes=20 * MEBIBYTE,
            picture_pixels=25_000_000,
            path_length=200,
            path_depth=6,
            decode_seconds=10.0,
            decode_bytes=GIBIBYTE,
            cache_bytes=1_000_000_000,
        ),
    }
)
"""The limits of a workspace by its mode."""


@dataclass(frozen=True)
class Workspace:
    """The folders of one workspace, its limits, and which folders of this machine pages may import.

    Attributes:
        root: Its own folder.
        limits: How much may come in from outside.
        mode: Who uses it.
        roots: Whatever lies in these folders may be imported by a path typed into a page; see `allowed_path`.
        host: The folder that all workspaces of one app share, which is where their jobs take turns; the workspace's own
            where it is the only one.
    """

    root: Path
    limits: Limits = field(default_factory=Limits)
    mode: Mode = "local"
    roots: tuple[Path, ...] = ()
    host: Path = Path()

    def __post_init__(self) -> None:
        if self.host == Path():
            object.__setattr__(self, "host", self.root)

    @classmethod
    def open(cls, root: Path | None = None, environment: Mapping[str, str] = os.environ) -> Workspace:
        """The workspace at `root`, else at `$TLCORE_HOME`, else at `~/.tlcore`; its folders are made where missing.

        `$TLCORE_MODE` sets the mode (`local` if unset) and with it the limits. `$TLCORE_ROOTS` sets the roots,
        separated as in `$PATH`; unset, these are the home folder in a local workspace and none in a demo.
        `$TLCORE_CACHE_GB` sets what all caches together may take. `$TLCORE_HOST` names the folder that this workspace
        shares with others of the same app.

        Raises:
            WorkspaceError: The folder can't be made or written, or a variable has an impossible value.
        """
        place = root or Path(environment.get(HOME_VARIABLE) or Path.home() / ".tlcore")
        mode = _mode(environment)
        place = place.expanduser().resolve()
        host = Path(environment.get(HOST_VARIABLE) or place).expanduser().resolve()
        workspace = cls(place, _limits(environment, mode), mode, _roots(environment, mode), host)
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

    def environment(self) -> dict[str, str]:
        """The variables by which a process of ours opens this same workspace."""
        return {HOME_VARIABLE: str(self.root), HOST_VARIABLE: str(self.host), MODE_VARIABLE: self.mode}

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
    def cache(self) -> Path:
        """All that can be made again from datasets: losing it costs time only."""
        return self.root / "cache"

    @property
    def engines(self) -> Path:
        """Converted backbones, kept between runs."""
        return self.cache / "engines"

    @property
    def thumbnails(self) -> Path:
        """The SQLite file of small copies of pictures that pages show."""
        return self.cache / "thumbnails.sqlite"

    @property
    def logs(self) -> Path:
        """Logs of the supervisor and the app."""
        return self.root / "logs"

    @property
    def registry(self) -> Path:
        """The SQLite file that lists jobs and runs; it can be rebuilt from their folders."""
        return self.root / "registry.sqlite"

    def allowed_path(self, path: str | Path) -> Path:
        """A folder or archive on this machine that somebody names on a page, if the operator allows it to be read.

        Args:
            path: As it was typed; `~` is the home folder.

        Returns:
            The path without links, which need not exist.

        Raises:
            ImportRefused: It lies outside the roots. Whether it exists is not told.
        """
        if not self.roots:
            raise ImportRefused(
                "Folders of this machine can't be imported here", hint="Upload a zip or the pictures themselves."
            )
        try:
            place = Path(path).expanduser().resolve()
        except (OSError, RuntimeError, ValueError) as error:  # a circle of links, an unknown ~user, a null byte
            raise ImportRefused(
                "This can't be a path", value=ascii(str(path)[:200])[1:-1], hint="Copy it from your file manager."
            ) from error
        if not any(place.is_relative_to(root) for root in self.roots):
            raise ImportRefused(
                "This path lies outside the folders that may be imported on this machine",
                value=str(path)[:200],
                options=self.roots,
                hint=f"Move the pictures there, upload them, or {self._how_to_allow(place)}",
            )
        return place

    def _how_to_allow(self, place: Path) -> str:
        """What makes a folder importable: in a local workspace the person at the page is whoever starts the app."""
        if self.mode != "local":
            return f"ask whoever runs this app to add the folder to {ROOTS_VARIABLE}."
        folder = place.parent if place.suffix else place
        allowed = os.pathsep.join(str(root) for root in (*self.roots, folder))
        return (
            f"stop the app and start it so that this folder is allowed too: {ROOTS_VARIABLE}={shlex.quote(allowed)} "
            "streamlit run streamlit_app.py"
        )


def _mode(environment: Mapping[str, str]) -> Mode:
    name = environment.get(MODE_VARIABLE) or "local"
    for mode in LIMITS:
        if mode == name:
            return mode
    raise WorkspaceError(
        f"The variable {MODE_VARIABLE} has an unknown value",
        value=name[:100],
        options=get_args(Mode),
        hint="Set it to one of these, or remove it.",
    )


def _limits(environment: Mapping[str, str], mode: Mode) -> Limits:
    text = environment.get(CACHE_VARIABLE)
    if not text:
        return LIMITS[mode]
    try:
        gigabytes = float(text)
    except ValueError:
        gigabytes = -1.0
    if not 0 <= gigabytes <= _MOST_CACHE_GB:
        raise WorkspaceError(
            f"The variable {CACHE_VARIABLE} has an impossible value",
            value=text[:100],
            options=[f"0 to {_MOST_CACHE_GB:,}"],
            hint="Set it to the gigabytes that all caches together may take on the disk, such as 5, or remove it.",
        )
    return replace(LIMITS[mode], cache_bytes=int(gigabytes * 1e9))


def _roots(environment: Mapping[str, str], mode: Mode) -> tuple[Path, ...]:
    text = environment.get(ROOTS_VARIABLE)
    if text is None:
        return (Path.home().resolve(),) if mode == "local" else ()
    folders = [Path(name).expanduser() for name in text.split(os.pathsep) if name]
    for folder in folders:
        if not folder.is_absolute():
            raise WorkspaceError(
                f"The variable {ROOTS_VARIABLE} names a folder without saying where it is",
                value=folder,
                hint=f"Write whole paths, separated by {os.pathsep!r}.",
            )
    return tuple(folder.resolve() for folder in folders)


def is_safe_id(value: str) -> bool:
    """Whether `check_id` takes it."""
    return bool(_SAFE_ID.fullmatch(value)) and ".." not in value and not _DEVICE.fullmatch(value)


def check_id(kind: str, value: str) -> str:
    """`value`, if it is safe as the name of a folder anywhere: one part, no separators, not hidden, 120 characters.

    The one place where names from outside (addresses, command line, archives) are checked before they become paths.

    Args:
        kind: What is being named, for the message: "run", "dataset".
        value: The name.

    Raises:
        InputError: The name could leave its folder or can't be a folder's name.
    """
    if not is_safe_id(value):
        raise InputError(
            f"This can't be the name of a {kind}",
            value=value[:200],
            hint="Use letters, digits, '-', '_' and '.', starting with a letter or a digit and not ending with a dot; "
            "and no name that Windows keeps for devices, such as con, aux or nul.",
        )
    return value
