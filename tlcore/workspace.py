"""Where things live, and how large anything from outside may be.

A `Workspace` is passed to whatever needs it: there is no global one.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final

from tlcore.errors import ImportRefused, InputError, WorkspaceError
from tlcore.limits import GIBIBYTE, MEBIBYTE, Limits
from tlcore.migrations import bring_up_to_date
from tlcore.modes import (
    CACHE_VARIABLE,
    MODE_VARIABLE,
    POLICIES,
    SOURCES_VARIABLE,
    Mode,
    Policy,
    Source,
    limits_of,
    mode_of,
    sources_of,
)

__all__ = [
    "CACHE_VARIABLE",
    "GIBIBYTE",
    "HOME_VARIABLE",
    "HOST_VARIABLE",
    "LIMITS",
    "MEBIBYTE",
    "MODE_VARIABLE",
    "ROOTS_VARIABLE",
    "SOURCES_VARIABLE",
    "Limits",
    "Mode",
    "Source",
    "Workspace",
    "check_id",
    "is_safe_id",
]

HOME_VARIABLE = "TLCORE_HOME"
HOST_VARIABLE = "TLCORE_HOST"
ROOTS_VARIABLE = "TLCORE_ROOTS"

LIMITS: Final[Mapping[Mode, Limits]] = MappingProxyType({mode: policy.limits for mode, policy in POLICIES.items()})
"""The limits of a workspace by its mode."""

_SAFE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,119}")
# Windows keeps these for devices, in any folder and with any extension, and drops a dot at a name's end.
_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?|.*\.", re.IGNORECASE)


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
        sources: Where pictures may come from; None is what the mode allows.
    """

    root: Path
    limits: Limits = field(default_factory=Limits)
    mode: Mode = "local"
    roots: tuple[Path, ...] = ()
    host: Path = Path()
    sources: frozenset[Source] | None = None

    def __post_init__(self) -> None:
        if self.host == Path():
            object.__setattr__(self, "host", self.root)
        if self.sources is None:
            object.__setattr__(self, "sources", self.policy.sources)

    @classmethod
    def open(cls, root: Path | None = None, environment: Mapping[str, str] = os.environ) -> Workspace:
        """The workspace at `root`, else at `$TLCORE_HOME`, else at `~/.tlcore`; its folders are made where missing.

        `$TLCORE_MODE` sets the mode (`local` if unset) and with it the limits. `$TLCORE_SOURCES` lists where pictures
        may come from. `$TLCORE_ROOTS` sets the roots, separated as in `$PATH`; unset, these are the home folder in a
        local workspace and none elsewhere.
        `$TLCORE_CACHE_GB` sets what all caches together may take. `$TLCORE_HOST` names the folder that this workspace
        shares with others of the same app.

        Raises:
            WorkspaceError: The folder can't be made or written, a variable has an impossible value, or a newer program
                wrote this workspace.
        """
        place = root or Path(environment.get(HOME_VARIABLE) or Path.home() / ".tlcore")
        mode = mode_of(environment)
        place = place.expanduser().resolve()
        host = Path(environment.get(HOST_VARIABLE) or place).expanduser().resolve()
        sources = sources_of(environment, mode)
        roots = _roots(environment, mode) if Source.FOLDERS in sources else ()
        workspace = cls(place, limits_of(environment, mode), mode, roots, host, sources)
        try:
            workspace.root.mkdir(parents=True, exist_ok=True)
            bring_up_to_date(workspace.root)
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

    @property
    def policy(self) -> Policy:
        """What its mode allows."""
        return POLICIES[self.mode]

    def allows(self, source: Source) -> bool:
        """Whether pictures may come from there."""
        if source is Source.FOLDERS and not self.roots:
            return False
        return self.sources is not None and source in self.sources

    def check_source(self, source: Source) -> None:
        """Refuses what is switched off.

        Raises:
            ImportRefused: Pictures may not come from there.
        """
        if not self.allows(source):
            raise ImportRefused(
                f"{source.words} is switched off here",
                options=[other.value for other in Source if self.allows(other)],
                hint="Choose another way, or run the app on your own computer.",
            )

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
            ImportRefused: It lies outside the roots, or holds other people's workspaces. Whether it exists is not told.
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
        if self.mode != "local" and (place.is_relative_to(self.host) or self.host.is_relative_to(place)):
            raise ImportRefused(
                "This folder holds what belongs to the people of this app", hint="Upload the pictures instead."
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
