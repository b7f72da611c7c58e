"""Where pictures to predict come from: files, folders and zips, read one at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

from tlcore.data.archive import open_archive
from tlcore.data.listing import Listing, list_folder, read_file
from tlcore.errors import InputError
from tlcore.workspace import Limits

Picture = tuple[str, Callable[[], bytes]]
"""A picture's name, and how to read its bytes: raises PictureError when that fails."""


def pictures_from(paths: Iterable[Path], limits: Limits) -> Iterator[Picture]:
    """Names and readers of all files in `paths`; decoding decides which are pictures.

    Args:
        paths: Files, folders (with all folders inside) and zips.
        limits: Of archives and folders.

    Raises:
        InputError: A path does not exist.
        ImportRefused: An archive or folder is hostile or too large.
    """
    for path in paths:
        if path.is_dir():
            yield from _listed(list_folder(path, limits), path.name)
        elif path.suffix.lower() == ".zip":
            yield from pictures_from_zip(path, limits)
        elif not path.exists():
            raise _missing(path)
        else:
            yield str(path), partial(read_file, path.resolve(), limits)  # who names a link means its file


def pictures_from_zip(path: Path, limits: Limits) -> Iterator[Picture]:
    """Names and readers of all files in a zip; read each before the next is asked for.

    Raises:
        InputError: The file does not exist.
        ImportRefused: It is not a zip, hostile or too large.
    """
    if not path.is_file():
        raise _missing(path)
    with open_archive(path, limits) as listing:
        yield from _listed(listing, path.name)


def _listed(listing: Listing, name: str) -> Iterator[Picture]:
    for member in listing.members:
        yield "/".join((name, *member.path)), member.read


def _missing(path: Path) -> InputError:
    return InputError("There is no such file or folder", value=path, hint="Check the path.")
