"""Writing a parcel: the one file that moves a run or a dataset to another machine."""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from uuid import uuid4

from pydantic import BaseModel

import tlcore
from tlcore.data.parcel import MANIFEST, Manifest, ParcelFile, ParcelKind
from tlcore.errors import InputError
from tlcore.files import is_disk_full
from tlcore.workspace import MEBIBYTE

_REGULAR_FILE: Final = 0o100644 << 16


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
