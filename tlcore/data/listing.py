"""What lies in a folder or an archive, before anything of it is believed."""

from __future__ import annotations

import errno
import os
import re
import stat
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tlcore.data.dataset import RejectedFile
from tlcore.errors import ImportRefused, PictureError
from tlcore.images.decode import check_encoded_size
from tlcore.workspace import Limits

NamePath = tuple[str, ...]
"""The parts of a path inside a folder or archive, as clean text."""

# What operating systems leave lying about; nobody wants to read of it.
_JUNK_NAMES: Final = frozenset({"__macosx", "thumbs.db", "desktop.ini", "@eadir", "$recycle.bin"})
_DRIVE: Final = re.compile(r"[A-Za-z]:")
# Control characters, lone surrogates, line and paragraph separators, and what stands for no character at all.
_UNSHOWN_CATEGORIES: Final = frozenset({"Cc", "Cs", "Zl", "Zp", "Cn"})
# They turn the letters after them around, so that a name reads as another (Unicode Technical Report 36, 2.5).
_TURNING: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# What systems call opening a link that is not to be followed: ELOOP, on FreeBSD EMLINK.
_LINK_ERRORS: Final = (errno.ELOOP, errno.EMLINK)
UNUSABLE_NAME: Final = "The name has characters that can't be shown, or no visible one; rename it."
"""Why a file with an unusable name is left out."""


@dataclass(frozen=True)
class Member:
    """One file that may be a picture.

    Attributes:
        path: Where it lies inside the folder or archive.
        size: In bytes.
        modified: When the file was last changed, nanoseconds; 0 in an archive.
        read: Its bytes; raises PictureError when they can't be read.
        pieces: The same, a mebibyte at a time and however large; None in a folder.
        compressed: Whether it lies in its archive compressed.
    """

    path: NamePath
    size: int
    modified: int
    read: Callable[[], bytes]
    pieces: Callable[[], Iterator[bytes]] | None = None
    compressed: bool = False


@dataclass
class Listing:
    """What was found. Junk is left out in silence.

    Attributes:
        members: Regular files, by path.
        folders: All folders, also empty ones.
        rejected: What is neither: links, devices, files with unusable names.
    """

    members: list[Member] = field(default_factory=list)
    folders: set[NamePath] = field(default_factory=set)
    rejected: list[RejectedFile] = field(default_factory=list)

    def reject(self, path: NamePath, reason: str) -> None:
        """Notes what was left out, and why."""
        self.rejected.append(RejectedFile(file="/".join(path), reason=reason))

    def sort(self) -> None:
        """The same order whatever the file system's."""
        self.members.sort(key=lambda member: member.path)


def is_junk(path: NamePath) -> bool:
    """Whether a path is hidden or something an operating system left."""
    return any(part.startswith(".") or part.casefold() in _JUNK_NAMES for part in path)


def is_text(path: NamePath) -> bool:
    """Whether a path can be shown and stored: every name has something to see, and nothing that deceives the eye."""
    return all(
        _visible(part)
        and not any(unicodedata.category(letter) in _UNSHOWN_CATEGORIES or letter in _TURNING for letter in part)
        for part in path
    )


def _visible(name: str) -> bool:
    return any(unicodedata.category(letter) not in ("Zs", "Cf") for letter in name)


def shown(path: NamePath) -> str:
    """A path that `is_text` refused, with its unusable characters written out."""
    return ascii("/".join(path))[1:-1]


def clean_path(name: str, limits: Limits) -> NamePath:
    """The parts of a path from an archive or upload.

    Args:
        name: The path as it was written, with either kind of slash.
        limits: How long and deep it may be.

    Raises:
        ImportRefused: It is absolute, leads out of its folder, or is too long or too deep.
    """
    text = unicodedata.normalize("NFC", name.replace("\\", "/"))
    parts = tuple(part for part in text.split("/") if part not in ("", "."))
    if text.startswith("/") or _DRIVE.match(text) or ".." in parts:
        raise ImportRefused(
            "The archive has a path that leads out of its own folder; nothing was imported",
            value=_short(text),
            hint="Pack the class folders again with your computer's own zip command, and import that.",
        )
    _check_length(text, len(parts), limits)
    return parts


def _check_length(text: str, parts: int, limits: Limits) -> None:
    if len(text) > limits.path_length or parts > limits.path_depth + 1:
        raise ImportRefused(
            "A path is too long or has too many folders in each other; nothing was imported",
            value=_short(text),
            hint=f"At most {limits.path_length} characters and {limits.path_depth} folders. Shorten the names, or put "
            "the class folders at the top.",
        )


def _short(text: str) -> str:
    start = text[:100]
    return start if is_text((start,)) else shown((start,))


def check_amounts(members: int, size: int, limits: Limits) -> None:
    """Refuses more files or bytes than one dataset may have.

    Raises:
        ImportRefused: There are too many files, or they are too large together.
    """
    if members > limits.members:
        raise ImportRefused(
            "There are too many files; nothing was imported",
            value=f"more than {limits.members:,}",
            hint=f"A dataset may have {limits.pictures:,} pictures. Import a part of them.",
        )
    if size > limits.expanded_bytes:
        raise ImportRefused(
            "The files are too large together once unpacked; nothing was imported",
            value=f"more than {limits.expanded_bytes / 1e9:.3g} GB",
            hint="Import a part of them, or make the pictures smaller: a side of 500 pixels is plenty.",
        )


def list_folder(folder: Path, limits: Limits) -> Listing:
    """Everything in a folder. Links are not followed and devices not opened: both are listed as rejected.

    Raises:
        ImportRefused: The folder can't be listed, or has too much in it.
    """
    listing = Listing()
    size = 0
    try:
        for path, entry in _walk(folder, (), listing, limits):
            facts = entry.stat(follow_symlinks=False)
            size += facts.st_size
            check_amounts(len(listing.members) + 1, size, limits)
            reader = _FileReader(Path(entry.path), limits)
            listing.members.append(Member(path, facts.st_size, facts.st_mtime_ns, reader))
    except OSError as error:
        raise ImportRefused(
            f"The folder can't be read: {error.strerror}",
            value=error.filename or folder,
            hint="Check that you may open it in your file manager, then try again.",
        ) from error
    listing.sort()
    return listing


def _walk(
    folder: Path, above: NamePath, listing: Listing, limits: Limits
) -> Iterator[tuple[NamePath, os.DirEntry[str]]]:
    """Regular files below `folder`; folders and what is no file go to the listing."""
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            path = (*above, _readable(entry.name))
            if is_junk(path):
                continue
            _check_length("/".join(path), len(path), limits)
            if not is_text(path):
                listing.reject((shown(path),), UNUSABLE_NAME)
            elif entry.is_symlink():
                listing.reject(path, "A link, not a file; links are not followed.")
            elif entry.is_dir(follow_symlinks=False):
                listing.folders.add(path)
                yield from _walk_if_allowed(Path(entry.path), path, listing, limits)
            elif entry.is_file(follow_symlinks=False):
                yield path, entry
            else:
                listing.reject(path, "Not a regular file.")


def _walk_if_allowed(
    folder: Path, path: NamePath, listing: Listing, limits: Limits
) -> Iterator[tuple[NamePath, os.DirEntry[str]]]:
    try:
        yield from _walk(folder, path, listing, limits)
    except PermissionError:
        listing.reject(path, "The folder can't be opened: permission denied.")


def _readable(name: str) -> str:
    """A file's name as text; names in an old single-byte encoding are read as Western European."""
    try:
        text = os.fsencode(name).decode("utf-8")
    except UnicodeDecodeError:
        text = os.fsencode(name).decode("cp1252", errors="replace")
    return unicodedata.normalize("NFC", text)


@dataclass(frozen=True)
class _FileReader:
    """Reads one file of a folder; raises PictureError when that fails."""

    path: Path
    limits: Limits

    def __call__(self) -> bytes:
        return read_file(self.path, self.limits)


def read_file(path: Path, limits: Limits) -> bytes:
    """The bytes of a file that may be a picture, and never more than a picture may have.

    Raises:
        PictureError: It can't be read, is too large, or is no file but a link, a device, a pipe or the like.
    """
    try:
        with open(path, "rb", opener=_open_at_once) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise PictureError("This is not a file", hint="Give a picture.")
            data = file.read(limits.picture_bytes + 1)
    except OSError as error:
        if error.errno in _LINK_ERRORS:
            raise PictureError("This is a link, not a file; links are not followed", hint="Give the file.") from error
        raise PictureError(f"The file can't be read: {error.strerror}", hint="Check its permissions.") from error
    check_encoded_size(len(data), limits)
    return data


def _open_at_once(path: str, flags: int) -> int:
    # A pipe would otherwise wait for somebody to write into it; and what was listed as a file may be a link by now.
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0))
