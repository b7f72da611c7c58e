"""Listing a zip archive from a stranger, and reading its members one by one; nothing is ever unpacked to disk."""

from __future__ import annotations

import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tlcore.data.incoming import called
from tlcore.data.listing import (
    UNUSABLE_NAME,
    Listing,
    Member,
    check_amounts,
    clean_path,
    is_junk,
    is_text,
    shown,
)
from tlcore.errors import ImportRefused, PictureError
from tlcore.images.decode import check_encoded_size
from tlcore.workspace import MEBIBYTE, Limits

_PACK_AGAIN = "Pack the class folders again with your computer's own zip command, and import that."
_UTF8_FLAG = 0x800
_ENCRYPTED_FLAG = 0x1
# What members unfold to together, before their common ratio is looked at: a hundred plain drawings may be few bytes.
_HARMLESS_MEMBERS: Final = 100
_READ_BYTES: Final = MEBIBYTE
_LOCAL_HEADER_BYTES: Final = 30
# Other methods can unfold one small block into gigabytes before anybody can stop them.
_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)

# The end-of-central-directory records of the ZIP file format specification (APPNOTE.TXT, 4.3.14 to 4.3.16).
_END: Final = struct.Struct("<4s4H2LH")
_LOCATOR: Final = struct.Struct("<4sLQL")
_END64: Final = struct.Struct("<4sQ2H2L4Q")
_LONGEST_COMMENT: Final = 65535

# What `zipfile` raises on damaged archives, besides OSError; found by feeding it damaged archives.
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    ValueError,
    TypeError,
    LookupError,
    EOFError,
    OverflowError,
    RuntimeError,
)


@contextmanager
def open_archive(path: Path, limits: Limits) -> Iterator[Listing]:
    """Lists a zip archive; its members can be read, by several threads too, until the block ends.

    Raises:
        ImportRefused: It is not a zip, damaged, encrypted, hostile (paths that lead out, links, bombs) or too large.
    """
    size = path.stat().st_size
    if size > limits.archive_bytes:
        raise ImportRefused(
            "The archive is too large",
            value=f"{size / 1e9:.1f} GB",
            hint=f"At most {limits.archive_bytes / 1e9:.1f} GB. Unpack it and import the folder, or import a part.",
        )
    _check_table_size(path, limits)
    try:
        archive = zipfile.ZipFile(path)
    except _DAMAGE as error:
        raise _not_a_zip(path) from error
    with archive:
        yield _listed(archive, size, limits)


def _not_a_zip(path: Path) -> ImportRefused:
    return ImportRefused(
        "This file is not a zip archive, or it is damaged",
        value=called(path),
        hint="Choose a zip or a folder. Other archives (rar, 7z, tar) have to be unpacked first; an incomplete "
        "download has to be fetched again.",
    )


def _check_table_size(path: Path, limits: Limits) -> None:
    """Refuses a table of contents so long that reading it would fill the memory; `zipfile` reads it whole."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        start = max(0, size - _LONGEST_COMMENT - _END.size)
        file.seek(start)
        tail = file.read()
        place = tail.rfind(b"PK\x05\x06")
        if place < 0 or len(tail) - place < _END.size:
            raise _not_a_zip(path)
        table = _END.unpack_from(tail, place)[5]
        before = start + place - _LOCATOR.size
        if before >= 0:
            file.seek(before)
            locator = _LOCATOR.unpack(file.read(_LOCATOR.size))
            if locator[0] == b"PK\x06\x07":
                told = [] if table == 0xFFFFFFFF else [table]
                # Some readers look where the locator points, and some just before it.
                for spot in (locator[2], before - _END64.size):
                    if 0 <= spot <= size - _END64.size:
                        file.seek(spot)
                        told.append(_END64.unpack(file.read(_END64.size))[8])
                table = max(told, default=0)
    if table > limits.table_bytes:
        raise ImportRefused(
            "The archive lists far more files than a dataset may have",
            value=called(path),
            hint=f"A dataset may have {limits.pictures:,} pictures. Import a part of them.",
        )


def _listed(archive: zipfile.ZipFile, archive_size: int, limits: Limits) -> Listing:
    listing = Listing()
    expanded = packed = 0
    for member in archive.infolist():
        path = clean_path(_name(member), limits)
        _check_kind(member)
        _check_ratio(member, limits)
        expanded += member.file_size
        packed += member.compress_size
        check_amounts(len(listing.members) + 1, expanded, limits)
        if not path or is_junk(path):
            continue
        if not is_text(path):
            listing.reject((shown(path),), UNUSABLE_NAME)
        elif member.is_dir() or member.filename.endswith("\\"):
            listing.folders.add(path)
        else:
            reader = _MemberReader(archive, member, limits)
            compressed = member.compress_type != zipfile.ZIP_STORED
            listing.members.append(Member(path, member.file_size, 0, reader, reader.pieces, compressed))
            listing.folders.update(path[:depth] for depth in range(1, len(path)))
    _check_common_ratio(expanded, packed, limits)
    _check_overlaps(archive.infolist(), archive_size)
    listing.sort()
    return listing


def _name(member: zipfile.ZipInfo) -> str:
    """The member's path. Many programs write UTF-8 without saying so; `zipfile` then reads it as an old code page."""
    if member.flag_bits & _UTF8_FLAG:
        return member.orig_filename
    try:
        return member.orig_filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return member.orig_filename


def _check_kind(member: zipfile.ZipInfo) -> None:
    name = member.filename[:100]
    if member.flag_bits & _ENCRYPTED_FLAG:
        raise ImportRefused(
            "The archive is protected by a password",
            value=name,
            hint="Unpack it with its password, pack it again without one, and import that.",
        )
    # The upper half holds the Unix mode, where the archive was packed on such a system.
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise ImportRefused(
            "The archive has a link or a device in it; nothing was imported", value=name, hint=_PACK_AGAIN
        )
    if member.compress_type not in _METHODS:
        raise ImportRefused(
            "The archive is packed with a method that is not read",
            value=f"{name}: method {member.compress_type}",
            hint=_PACK_AGAIN,
        )


def _check_ratio(member: zipfile.ZipInfo, limits: Limits) -> None:
    if member.file_size <= limits.harmless_bytes:
        return
    if member.file_size > limits.expansion_ratio * max(1, member.compress_size):
        raise _bomb(f"{member.filename[:100]} unfolds from {member.compress_size:,} to {member.file_size:,} bytes")


def _check_common_ratio(expanded: int, packed: int, limits: Limits) -> None:
    if expanded > max(limits.harmless_bytes * _HARMLESS_MEMBERS, limits.expansion_ratio * packed):
        raise _bomb(f"its files unfold from {packed:,} to {expanded:,} bytes")


def _check_overlaps(members: list[zipfile.ZipInfo], archive_size: int) -> None:
    """Refuses members that share packed bytes: so a small archive can unfold to any size, and no honest one does."""
    end = 0
    for member in sorted(members, key=lambda member: member.header_offset):
        if member.header_offset < end:
            raise _inconsistent(f"{member.filename[:100]} overlaps the file before it")
        end = member.header_offset + _LOCAL_HEADER_BYTES + member.compress_size
    if end > archive_size:
        raise _inconsistent("its files are longer together than the archive itself")


def _inconsistent(reason: str) -> ImportRefused:
    return ImportRefused(
        "The archive's table of contents does not fit its content: it is damaged, or made to deceive; nothing was "
        "imported",
        value=reason,
        hint=f"Download or copy it again. {_PACK_AGAIN}",
    )


def _bomb(reason: str) -> ImportRefused:
    return ImportRefused(
        "The archive unfolds to far more than pictures would, as archives made to fill a disk do; nothing was imported",
        value=reason,
        hint=f"If you trust it, look for the file that is no picture and leave it out. {_PACK_AGAIN}",
    )


@dataclass(frozen=True)
class _MemberReader:
    """Reads one member; raises PictureError when that fails."""

    archive: zipfile.ZipFile
    member: zipfile.ZipInfo
    limits: Limits

    def __call__(self) -> bytes:
        check_encoded_size(self.member.file_size, self.limits)
        return b"".join(self.pieces())

    def pieces(self) -> Iterator[bytes]:
        """Its bytes, a mebibyte at a time; raises PictureError at the end of what can be read."""
        try:
            # Piece by piece: `zipfile` unfolds as much at once as it is asked for, up to 2 GB, and only then cuts that
            # to what the table of contents announced; the checksum tells the lie.
            with self.archive.open(self.member) as file:
                yield from iter(lambda: file.read(_READ_BYTES), b"")
        except (OSError, *_DAMAGE) as error:
            raise PictureError(
                "The file is damaged inside the archive", hint="Pack it again, or leave it out."
            ) from error
