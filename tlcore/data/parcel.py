"""One file that moves a run or a dataset to another machine: a zip with a manifest that names each file and its digest.

The digests tell damage on the way, not who made the file: whatever comes in is checked as what a stranger uploads.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tlcore.data.archive import open_archive
from tlcore.data.incoming import called
from tlcore.data.listing import Listing, Member
from tlcore.errors import ImportRefused, PictureError
from tlcore.workspace import MEBIBYTE, Limits

_Document = TypeVar("_Document", bound=BaseModel)

ParcelKind = Literal["run", "dataset"]

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"

# What the manifest says of a file takes some 150 bytes. A parcel holds the pictures of a dataset, or fewer files.
_MANIFEST_BYTES: Final = 64 * 1024
_MANIFEST_BYTES_A_FILE: Final = 256
_FILES_BESIDE_PICTURES: Final = 100


class ParcelFile(BaseModel):
    """A file of a parcel: its path in the zip, its size in bytes and its SHA-256, hexadecimal."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str
    size: Annotated[int, Field(ge=0)]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Manifest(BaseModel):
    """What a parcel is.

    Attributes:
        format: Counts up with every change that an older program can't read.
        kind: What it holds.
        program: Version of the program that packed it.
        id: What the run or dataset was called there.
        files: Every other file in it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = FORMAT
    kind: ParcelKind
    program: str
    id: Annotated[str, Field(max_length=260)]
    files: tuple[ParcelFile, ...]


@dataclass(frozen=True)
class Parcel:
    """A parcel that was opened: its manifest, and its files as far as they are read.

    Attributes:
        name: Of the zip, for messages.
        manifest: What it says of itself; its list of files is that of the zip.
    """

    name: str
    manifest: Manifest
    _members: dict[str, Member]

    def __contains__(self, path: str) -> bool:
        return path in self._members

    @cached_property
    def files(self) -> dict[str, ParcelFile]:
        """Its files by path, without the manifest."""
        return {file.path: file for file in self.manifest.files}

    def member(self, path: str) -> Member:
        """A file of it as the pictures of any archive are read; its digest is left to whoever reads it."""
        return self._members[path]

    def copy(self, path: str, target: Path) -> None:
        """Copies a file out of it, counting and checking what really comes out.

        Raises:
            ImportRefused: It is damaged.
            OSError: The disk is full or can't be written.
        """
        with target.open("xb") as out:
            for piece in self._pieces(path):
                out.write(piece)

    def read(self, path: str, most: int) -> bytes:
        """A file of at most `most` bytes.

        Raises:
            ImportRefused: It is missing, larger, or damaged.
        """
        if path not in self._members:
            raise refused("The file lacks a part", f"{self.name}: {path}")
        if self._members[path].size > most:
            raise refused("A part of the file is larger than it can be", f"{self.name}: {path}")
        return b"".join(self._pieces(path))

    def document(self, path: str, model: type[_Document], most: int = MEBIBYTE) -> _Document:
        """A JSON document in it, checked.

        Raises:
            ImportRefused: It is missing, too large, damaged, or not what it should be.
        """
        try:
            return model.model_validate_json(self.read(path, most))
        except (ValidationError, ValueError) as error:
            raise self._unreadable(path, error) from error

    def lines(self, path: str, model: type[_Document], most: int, most_lines: int | None = None) -> list[_Document]:
        """A file of JSON documents, a line each, checked.

        Raises:
            ImportRefused: As for `document`, or it has more lines than `most_lines`.
        """
        text = self.read(path, most)
        if most_lines is not None and text.count(b"\n") + text.count(b"\r") > most_lines:
            raise refused("A part of the file has more entries than it can have", f"{self.name}: {path}")
        try:
            return [model.model_validate_json(line) for line in text.splitlines()]
        except (ValidationError, ValueError) as error:
            raise self._unreadable(path, error) from error

    def _unreadable(self, path: str, error: ValueError) -> ImportRefused:
        complaint = ""
        if isinstance(error, ValidationError):
            first = error.errors(include_url=False, include_input=False)[0]
            complaint = f", {'.'.join(str(part) for part in first['loc'])[:100]}: {first['msg'][:200]}"
        return refused("A part of the file can't be read", f"{self.name}: {path}{complaint}")

    def _pieces(self, path: str) -> Iterator[bytes]:
        member, digest = self._members[path], hashlib.sha256()
        assert member.pieces is not None  # noqa: S101 - members of archives have them
        try:
            for piece in member.pieces():
                digest.update(piece)
                yield piece
        except PictureError as error:
            raise refused("The file is damaged", f"{self.name}: {path}") from error
        if digest.hexdigest() != self.files[path].sha256:
            raise refused("The file was damaged or changed on its way", f"{self.name}: {path}")


@contextmanager
def open_parcel(path: Path, kind: ParcelKind, limits: Limits) -> Iterator[Parcel]:
    """Opens a parcel from outside and checks its table of contents against its manifest.

    Args:
        path: The zip.
        kind: What it has to hold.
        limits: What may come in; nothing in a parcel is packed smaller, so it may be as large as what it unfolds to.

    Raises:
        ImportRefused: It is no parcel, another kind of one, a newer version's, damaged or hostile.
    """
    if not path.is_file():
        raise refused("There is no such file", called(path))
    allowed = replace(limits, archive_bytes=max(limits.archive_bytes, limits.expanded_bytes))
    with ExitStack() as stack:
        try:
            listing = stack.enter_context(open_archive(path, allowed))
        except OSError as error:
            raise refused(f"The file can't be read: {error.strerror}", called(path)) from error
        yield _checked(called(path), listing, kind, limits)


def refused(what: str, value: object, hint: str = "") -> ImportRefused:
    """Why a parcel is not taken in."""
    return ImportRefused(
        f"{what}; nothing was brought in",
        value=value,
        hint=hint or "Pack it again where it comes from, and copy the whole file.",
    )


def _checked(name: str, listing: Listing, kind: ParcelKind, limits: Limits) -> Parcel:
    _check_stored(name, listing)
    members = {"/".join(member.path): member for member in listing.members}
    if listing.rejected or len({path.casefold() for path in members}) != len(listing.members):
        raise refused("The file has parts with the same name or with names that can't be used", name)
    if MANIFEST not in members:
        raise refused(
            "This zip does not hold a run or a dataset that was packed to be moved",
            name,
            "A zip of pictures is imported on the Data page; a downloaded model is brought back on the Predict page.",
        )
    manifest = _manifest(name, members.pop(MANIFEST), min(len(members), limits.pictures + _FILES_BESIDE_PICTURES))
    if manifest.kind != kind:
        page = {"run": "Compare page (`runs unpack`)", "dataset": "Data page (`datasets unpack`)"}[manifest.kind]
        raise refused(f"This file holds a {manifest.kind}, not a {kind}", name, f"Give it to the {page}.")
    sizes = {file.path: file.size for file in manifest.files}
    if len(sizes) != len(manifest.files) or sizes != {path: member.size for path, member in members.items()}:
        raise refused("What lies in the file is not what its list says", name)
    return Parcel(name, manifest, members)


def _check_stored(name: str, listing: Listing) -> None:
    """Refuses what unfolds: this program compresses nothing, so that a small file never fills memory or disk."""
    compressed = next((member for member in listing.members if member.compressed), None)
    if compressed is not None:
        raise refused(
            "The file was packed anew by another program, which compressed its parts",
            f"{name}: {'/'.join(compressed.path)[:100]}",
            "Bring the file as this program wrote it, without unpacking it and packing it again.",
        )


def _manifest(name: str, member: Member, files: int) -> Manifest:
    if member.size > _MANIFEST_BYTES + files * _MANIFEST_BYTES_A_FILE or member.pieces is None:
        raise refused("The file's list of its parts is too long", name)
    try:
        document: Any = json.loads(b"".join(member.pieces()))
        version = document["format"]
        if isinstance(version, int) and version > FORMAT:
            raise refused(
                "The file was packed by a newer version of this program",
                f"{name}: format {version}",
                "Bring this program up to date.",
            )
        return Manifest.model_validate(document)
    except (PictureError, ValidationError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise refused("The file's list of its parts can't be read", name) from error
