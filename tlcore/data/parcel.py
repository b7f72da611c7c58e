"""One file that moves a run or a dataset to another machine: a zip with a manifest that names each file and its digest.

The digests tell damage on the way, not who made the file: whatever comes in is checked as what a stranger uploads.
"""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Annotated, Any, Final, Literal, Self, TypeVar
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field, ValidationError

import tlcore
from tlcore.data.archive import open_archive
from tlcore.data.listing import Listing, Member
from tlcore.errors import ImportRefused, InputError, PictureError
from tlcore.files import is_disk_full
from tlcore.workspace import MEBIBYTE, Limits

_Document = TypeVar("_Document", bound=BaseModel)

ParcelKind = Literal["run", "dataset"]

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
_LARGEST_MANIFEST: Final = 64 * MEBIBYTE
_REGULAR_FILE: Final = 0o100644 << 16


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


class ParcelWriter:
    """Writes a parcel; the file appears when the `with` block ends well, and only whole.

    Args:
        target: The file to write, replaced where there is one.
        kind: What it holds.
        id: What that is called here.

    Raises:
        InputError: By the `with` block: it can't be written.
    """

    def __init__(self, target: Path, kind: ParcelKind, id: str) -> None:
        self._target, self._kind, self._id = target, kind, id
        self._temporary = target.with_name(f".{uuid4().hex}.tmp")
        self._files: list[ParcelFile] = []

    def __enter__(self) -> Self:
        try:
            self._target.parent.mkdir(parents=True, exist_ok=True)
            # Nothing is packed smaller: pictures and weights hardly would be, and what unfolds a lot is refused.
            self._zip = zipfile.ZipFile(self._temporary, "x", zipfile.ZIP_STORED)
        except OSError as error:
            raise self._cannot_write(error) from error
        return self

    def add_file(self, path: str, source: Path) -> None:
        """Adds a file as it is."""
        with source.open("rb") as file:
            self._add(path, iter(lambda: file.read(MEBIBYTE), b""))

    def add_bytes(self, path: str, data: bytes) -> None:
        """Adds a file of these bytes."""
        self._add(path, iter([data]))

    def add_model(self, path: str, model: BaseModel) -> None:
        """Adds a document as JSON."""
        self.add_bytes(path, model.model_dump_json(indent=2).encode() + b"\n")

    def add_lines(self, path: str, rows: Iterator[BaseModel]) -> None:
        """Adds documents as JSON, a line each."""
        self._add(path, (row.model_dump_json().encode() + b"\n" for row in rows))

    def _add(self, path: str, pieces: Iterator[bytes]) -> None:
        digest, size = hashlib.sha256(), 0
        info = zipfile.ZipInfo(path)
        info.external_attr = _REGULAR_FILE
        with self._zip.open(info, "w", force_zip64=True) as out:
            for piece in pieces:
                out.write(piece)
                digest.update(piece)
                size += len(piece)
        self._files.append(ParcelFile(path=path, size=size, sha256=digest.hexdigest()))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                manifest = Manifest(kind=self._kind, program=tlcore.__version__, id=self._id, files=tuple(self._files))
                self._zip.writestr(MANIFEST, manifest.model_dump_json(indent=1))
            self._zip.close()
            if error is None:
                with self._temporary.open("rb") as file:
                    os.fsync(file.fileno())
                self._temporary.replace(self._target)
        except OSError as failure:
            raise self._cannot_write(failure) from failure
        finally:
            with suppress(OSError):
                self._temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise self._cannot_write(error) from error

    def _cannot_write(self, error: OSError) -> InputError:
        return InputError(
            f"The file can't be written: {error.strerror or error}",
            value=self._target,
            hint="Free some disk space." if is_disk_full(error) else "Choose a folder that you may write to.",
        )


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

    @property
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

    def lines(self, path: str, model: type[_Document], most: int) -> list[_Document]:
        """A file of JSON documents, a line each, checked.

        Raises:
            ImportRefused: As for `document`.
        """
        try:
            return [model.model_validate_json(line) for line in self.read(path, most).splitlines()]
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
        raise refused("There is no such file", path.name)
    allowed = replace(limits, archive_bytes=max(limits.archive_bytes, limits.expanded_bytes))
    with ExitStack() as stack:
        try:
            listing = stack.enter_context(open_archive(path, allowed))
        except OSError as error:
            raise refused(f"The file can't be read: {error.strerror}", path.name) from error
        yield _checked(path.name, listing, kind)


def refused(what: str, value: object, hint: str = "") -> ImportRefused:
    """Why a parcel is not taken in."""
    return ImportRefused(
        f"{what}; nothing was brought in",
        value=value,
        hint=hint or "Pack it again where it comes from, and copy the whole file.",
    )


def _checked(name: str, listing: Listing, kind: ParcelKind) -> Parcel:
    members = {"/".join(member.path): member for member in listing.members}
    if listing.rejected or len({path.casefold() for path in members}) != len(listing.members):
        raise refused("The file has parts with the same name or with names that can't be used", name)
    if MANIFEST not in members:
        raise refused(
            "This zip does not hold a run or a dataset that was packed to be moved",
            name,
            "A zip of pictures is imported on the Data page; a downloaded model is brought back on the Predict page.",
        )
    manifest = _manifest(name, members.pop(MANIFEST))
    if manifest.kind != kind:
        page = {"run": "Compare page (`runs unpack`)", "dataset": "Data page (`datasets unpack`)"}[manifest.kind]
        raise refused(f"This file holds a {manifest.kind}, not a {kind}", name, f"Give it to the {page}.")
    sizes = {file.path: file.size for file in manifest.files}
    if len(sizes) != len(manifest.files) or sizes != {path: member.size for path, member in members.items()}:
        raise refused("What lies in the file is not what its list says", name)
    return Parcel(name, manifest, members)


def _manifest(name: str, member: Member) -> Manifest:
    if member.size > _LARGEST_MANIFEST or member.pieces is None:
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
