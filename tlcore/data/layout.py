"""From paths to classes and parts: which folder names a class, which a part, and what lies elsewhere."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from tlcore.data.dataset import PARTS, Part, RejectedFile
from tlcore.data.listing import Listing, Member, NamePath
from tlcore.errors import ImportRefused
from tlcore.images.decode import EXTENSIONS
from tlcore.workspace import Limits

FORM: Final = (
    "Put the pictures of each class into a folder named after the class, at least two such folders (cats/1.jpg, "
    "dogs/1.jpg), and choose the folder or zip that holds these; or train, validation and test folders that hold "
    "them; or a file labels.csv beside the pictures, with a line file,label for each."
)
"""How pictures have to lie, for messages: the way out of most refusals."""

_SPELLINGS: Final[dict[str, Part]] = {
    "train": "train",
    "training": "train",
    "trn": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "validate": "validation",
    "dev": "validation",
    "test": "test",
    "tests": "test",
    "testing": "test",
    "tst": "test",
}
_DECORATION: Final = re.compile(r"[\s_.-]+|(?<=.)(?:set|data|dataset|images|pictures|split)$")
_ARCHIVES: Final = frozenset({".zip", ".rar", ".7z", ".tar", ".gz", ".tgz", ".bz2", ".xz"})


@dataclass(frozen=True)
class Candidate:
    """A file that takes a picture's place, if it is one.

    Attributes:
        key: Its path below the wrapping folders; unique.
        class_name: Of its folder.
        part: Of the folder above, where there are such.
        member: Where it is read.
    """

    key: str
    class_name: str
    part: Part | None
    member: Member


@dataclass(frozen=True)
class Layout:
    """How a listing becomes a dataset, if its pictures can be read.

    Attributes:
        candidates: By key.
        rejected: Files that can't be pictures, and why.
        folders: Names of the class folders, also of those without a file.
    """

    candidates: tuple[Candidate, ...]
    rejected: tuple[RejectedFile, ...]
    folders: frozenset[str]


def arrange(listing: Listing, limits: Limits) -> Layout:
    """Finds classes and parts in what was listed.

    Folders that hold nothing but one other folder are looked through. Two or three folders named like parts (train,
    validation, test, and their usual spellings) with folders in them are parts; otherwise every folder is a class, with
    all that lies in it at any depth.

    Raises:
        ImportRefused: There is nothing in it, nothing that can be a picture, one part twice, two classes that look the
            same, or too many pictures.
    """
    if not listing.members:
        raise ImportRefused("There are no files in it; nothing was imported", hint=FORM)
    wrapper = wrapping_folders(listing)
    parts = _part_folders(listing, wrapper)
    rejected = list(listing.rejected)
    candidates: dict[str, Candidate] = {}
    for member in listing.members:
        path = member.path[len(wrapper) :]
        part = parts.get(path[0]) if path else None
        inner = path[1:] if part else path
        key = "/".join(path)
        reason = _no_picture(member.path, inner, outside_parts=bool(parts) and part is None)
        if not reason and key in candidates:
            reason = "The same name occurs twice in the archive; the first was taken."
        if reason:
            rejected.append(RejectedFile(file="/".join(member.path), reason=reason))
        else:
            candidates[key] = Candidate(key, inner[0].strip(), part, member)
    check_count(len(candidates), limits)
    folders = _class_folders(listing, wrapper, parts)
    check_case(folders)
    return Layout(tuple(candidates[key] for key in sorted(candidates)), tuple(rejected), frozenset(folders))


def check_count(pictures: int, limits: Limits) -> None:
    """Refuses more pictures than one dataset may have.

    Raises:
        ImportRefused: There are too many.
    """
    if pictures > limits.pictures:
        raise ImportRefused(
            "There are too many pictures for one dataset; nothing was imported",
            value=f"{pictures:,}",
            hint=f"At most {limits.pictures:,}. Import a part of them.",
        )


def wrapping_folders(listing: Listing) -> NamePath:
    """The folders above the classes that hold nothing but each other (stray files beside them don't count)."""
    wrapper: NamePath = ()
    while True:
        depth = len(wrapper)
        inside = [member.path for member in listing.members if member.path[:depth] == wrapper]
        tops = {path[depth] for path in inside if len(path) > depth + 1}
        tops |= {path[depth] for path in listing.folders if len(path) > depth and path[:depth] == wrapper}
        if len(tops) != 1 or not any(len(path) > depth + 2 for path in inside):
            return wrapper
        wrapper = (*wrapper, tops.pop())


def _part_folders(listing: Listing, wrapper: NamePath) -> dict[str, Part]:
    """The folders that name parts, or none: one alone may be a class, and so may those without folders in them."""
    depth = len(wrapper)
    tops = {member.path[depth] for member in listing.members if len(member.path) > depth + 2}
    found = {top: part for top in sorted(tops) if (part := part_named(top)) is not None}
    if len(set(found.values())) < 2:
        return {}
    for part in PARTS:
        names = [top for top, its in found.items() if its == part]
        if len(names) > 1:
            raise ImportRefused(
                f"Two folders seem to be the {part} part; nothing was imported",
                value=", ".join(names),
                hint="Put their pictures into one, or leave one out.",
            )
    return found


def part_named(folder: str) -> Part | None:
    """The part that a folder's or column's name stands for, in any of the usual spellings, or None."""
    name = folder.casefold().strip()
    while (shorter := _DECORATION.sub("", name)) != name:
        name = shorter
    return _SPELLINGS.get(name)


def _no_picture(path: NamePath, inner: NamePath, outside_parts: bool) -> str:
    """Why a file can't be a picture of a class, or nothing."""
    if reason := no_picture_name(path):
        return reason
    if outside_parts:
        return "Lies outside the train, validation and test folders."
    if len(inner) < 2:
        return "Lies outside the class folders."
    return ""


def no_picture_name(path: NamePath) -> str:
    """Why a file of this name can't be a picture, or nothing."""
    extension = PurePosixPath(path[-1]).suffix.lower()
    if extension in _ARCHIVES:
        return "An archive inside; unpack it first if it holds pictures."
    # A name without an extension says nothing: its content decides.
    if extension and extension not in EXTENSIONS:
        return f"Not a picture file: its name ends in {extension[:20]}."
    return ""


def _class_folders(listing: Listing, wrapper: NamePath, parts: dict[str, Part]) -> set[str]:
    depth = len(wrapper)
    below = [path[depth:] for path in listing.folders if path[:depth] == wrapper and len(path) > depth]
    if not parts:
        return {path[0].strip() for path in below}
    return {path[1].strip() for path in below if path[0] in parts and len(path) > 1}


def check_case(names: Iterable[str]) -> None:
    """Refuses classes whose names people can't tell apart, and some file systems neither.

    Raises:
        ImportRefused: Two names look the same.
    """
    seen: dict[str, str] = {}
    for name in sorted(names):
        twin = seen.setdefault(_as_seen(name), name)
        if twin != name:
            raise ImportRefused(
                "Two classes differ only by upper and lower case, or in a way that can't be seen; nothing was imported",
                value=f"{twin}, {name}",
                hint="If they are one class, give them one name; if not, rename one.",
            )


def _as_seen(name: str) -> str:
    """The same for names that people take for the same: whatever the case, kind of space or invisible letters."""
    visible = (letter for letter in unicodedata.normalize("NFKC", name) if unicodedata.category(letter) != "Cf")
    return " ".join("".join(visible).casefold().split())
