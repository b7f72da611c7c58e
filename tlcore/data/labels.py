"""Labels in a table beside the pictures, instead of class folders: finding the table, and each row's picture."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Final

from tlcore.data.dataset import Part, RejectedFile
from tlcore.data.incoming import called
from tlcore.data.label_names import FEW, PictureNames
from tlcore.data.label_table import LABELS_FORM, LabelRow, LabelTable, read_table
from tlcore.data.layout import Candidate, Layout, check_case, check_count, no_picture_name, part_named, wrapping_folders
from tlcore.data.listing import Listing, Member, NamePath, is_text
from tlcore.errors import ImportRefused, PictureError
from tlcore.workspace import MEBIBYTE, Limits

_EXTENSIONS: Final = frozenset({".csv", ".tsv", ".txt"})
# Names that say it, the clearest first; a table of any other name is taken where it is the only one.
_CLEAR_NAMES: Final = ("labels", "train", "annotations")
_MOST_TABLES: Final = 20
_MOST_BYTES: Final = 64 * MEBIBYTE
_ROWS_PER_PICTURE: Final = 4
_LONGEST_LABEL: Final = 100
_MOST_TOLD: Final = 200


def find_table(listing: Listing, limits: Limits) -> LabelTable | None:
    """The table of labels that lies among pictures without class folders; None where there are such, or no table.

    Raises:
        ImportRefused: Several files could be the table, or the one that is named so can't be used.
    """
    wrapper = wrapping_folders(listing)
    pictures = _pictures(listing)
    if _has_class_folders(pictures, wrapper):
        return None
    names = PictureNames(pictures, len(wrapper))
    found: dict[str, LabelTable] = {}
    for member in _tables(listing):
        shown = "/".join(member.path[len(wrapper) :])
        try:
            found[shown] = _member_table(member, shown, names, limits)
        except ImportRefused:
            if _clearness(member.path) == 0:
                raise
    if not found:
        return None
    ranks = {shown: _clearness(tuple(shown.split("/"))) for shown in found}
    best = [shown for shown, rank in ranks.items() if rank == min(ranks.values())]
    if len(best) > 1:
        raise ImportRefused(
            "Several files could be the table of labels; nothing was imported",
            value=", ".join(best[:10]),
            hint="Leave only one of them beside the pictures, call the right one labels.csv, or name it as the list of "
            "labels.",
        )
    return found[best[0]]


def named_table(listing: Listing, path: Path, limits: Limits) -> LabelTable:
    """The table of labels that somebody names: one that lies among the pictures, or by its full path any file.

    A relative path never means a file elsewhere: whoever reads it may work in another folder than whoever wrote it.

    Raises:
        ImportRefused: There is no such file, or it can't be used.
    """
    names = PictureNames(_pictures(listing), len(wrapping_folders(listing)))
    if path.is_absolute() and path.is_file():
        return read_table(called(path), _read_file(path), names.knows, limits.pictures * _ROWS_PER_PICTURE)
    wanted = PurePosixPath(path.as_posix()).parts
    inside = [member for member in listing.members if member.path[-len(wanted) :] == wanted]
    if len(inside) != 1:
        raise ImportRefused(
            "There is no such table of labels",
            value=path,
            options=["/".join(member.path) for member in _tables(listing)],
            hint="Give the path of one that lies among the pictures, or the full path of another file.",
        )
    return _member_table(inside[0], "/".join(inside[0].path), names, limits)


def arrange_by_table(listing: Listing, table: LabelTable, limits: Limits) -> Layout:
    """Finds classes and parts in a table of labels. What does not fit together is told as rejected, row by row.

    Without a column for it, folders called train, validation and test say which part a picture is in.

    Raises:
        ImportRefused: Nothing fits, two classes differ by upper and lower case only, or there are too many pictures.
    """
    wrapper = wrapping_folders(listing)
    pictures = _pictures(listing)
    matches = _Matches(table, PictureNames(pictures, len(wrapper)))
    for row in table.rows:
        matches.add(row)
    if not matches.taken:
        raise ImportRefused(
            f"No line of {table.name} gives a picture its label; nothing was imported",
            value=matches.rejected[0].reason if matches.rejected else "an empty table",
            hint=LABELS_FORM,
        )
    check_count(len(matches.taken), limits)
    check_case({label for label, _ in matches.taken.values()})
    parts = _parts(matches.taken, len(wrapper))
    candidates = []
    without = []
    for member in pictures:
        if member.path in matches.taken:
            key = "/".join(member.path[len(wrapper) :])
            label = matches.taken[member.path][0]
            candidates.append(Candidate(key, label, parts.get(member.path), member))
        elif member.path not in matches.contradicted:
            without.append(RejectedFile(file="/".join(member.path), reason=f"{table.name} has no label for it."))
    rejected = [*listing.rejected, *_not_pictures(listing, table), *_told(matches.rejected), *without]
    labels = frozenset(label for label, _ in matches.taken.values())
    return Layout(tuple(sorted(candidates, key=lambda candidate: candidate.key)), tuple(rejected), labels)


def _pictures(listing: Listing) -> list[Member]:
    """Members whose names may be pictures'; of two with the same path the first."""
    seen: dict[NamePath, Member] = {}
    for member in listing.members:
        if not no_picture_name(member.path):
            seen.setdefault(member.path, member)
    return list(seen.values())


def _has_class_folders(pictures: Iterable[Member], wrapper: NamePath) -> bool:
    depth = len(wrapper)
    tops = {member.path[depth] for member in pictures if len(member.path) > depth + 1}
    if len(tops) < 2:
        return False
    if not all(part_named(top) for top in tops):
        return True
    return any(len(member.path) > depth + 2 for member in pictures)  # class folders inside the parts


def _tables(listing: Listing) -> list[Member]:
    """Files that may be tables, those nearest to the top first."""
    found = [member for member in listing.members if PurePosixPath(member.path[-1]).suffix.lower() in _EXTENSIONS]
    return sorted(found, key=lambda member: (len(member.path), member.path))[:_MOST_TABLES]


def _clearness(path: NamePath) -> int:
    stem = PurePosixPath(path[-1]).stem.casefold()
    return _CLEAR_NAMES.index(stem) if stem in _CLEAR_NAMES else len(_CLEAR_NAMES)


def _member_table(member: Member, name: str, names: PictureNames, limits: Limits) -> LabelTable:
    table = read_table(name, _read(member), names.knows, limits.pictures * _ROWS_PER_PICTURE)
    return replace(table, path=member.path)


def _read(member: Member) -> bytes:
    _check_bytes(member.size, member.path[-1])
    try:
        return member.read()
    except PictureError as error:
        raise ImportRefused("The table of labels can't be read", value=member.path[-1], hint=error.what) from error


def _read_file(path: Path) -> bytes:
    try:
        _check_bytes(path.stat().st_size, path.name)
        return path.read_bytes()
    except OSError as error:
        raise ImportRefused(
            f"The table of labels can't be read: {error.strerror}", value=path, hint="Check that you may open it."
        ) from error


def _check_bytes(size: int, name: str) -> None:
    if size > _MOST_BYTES:
        raise ImportRefused(
            f"{name} is too large for a table of labels",
            value=f"{size / 1e6:,.0f} MB",
            hint=f"At most {_MOST_BYTES / 1e6:.0f} MB.",
        )


@dataclass
class _Matches:
    """Which pictures have which label.

    Attributes:
        table: The table.
        names: Finds pictures.
        taken: For each picture its label, and what the table says of its part.
        contradicted: Pictures that two rows give different labels.
        rejected: Rows that can't be used, and such pictures.
    """

    table: LabelTable
    names: PictureNames
    taken: dict[NamePath, tuple[str, str]] = field(default_factory=dict)
    contradicted: set[NamePath] = field(default_factory=set)
    rejected: list[RejectedFile] = field(default_factory=list)

    def add(self, row: LabelRow) -> None:
        """Takes one row, or notes why it can't be used."""
        found = self.names.find(row.file)
        if 1 < len(found) <= FEW and (part := part_named(PurePosixPath(self.table.name).stem)):
            # train.csv means the pictures in train, where those in test have the same names.
            found = [member for member in found if part in map(part_named, member.path[:-1])] or found
        if reason := _trouble(row, found):
            file = f"{self.table.name}, line {row.line}: {ascii(row.file[:100])[1:-1]}"
            self.rejected.append(RejectedFile(file=file, reason=reason))
            return
        path = found[0].path
        before = self.taken.get(path)
        if path in self.contradicted or before == (row.label, row.split):
            return
        if before is None:
            self.taken[path] = (row.label, row.split)
            return
        del self.taken[path]
        self.contradicted.add(path)
        reason = f"{self.table.name} says both {_both(before[0], before[1])} and {_both(row.label, row.split)} of it."
        self.rejected.append(RejectedFile(file="/".join(path), reason=reason))


def _both(label: str, split: str) -> str:
    return f"{label} ({split})" if split else label


def _trouble(row: LabelRow, found: list[Member]) -> str:
    """Why a row can't be used, or nothing."""
    if not row.file:
        return "The line names no file."
    if not found:
        return "There is no such picture."
    if len(found) > 1:
        shown = ", ".join("/".join(member.path) for member in found[:2])
        return f"Several pictures could be meant ({shown}); write the folder before the name."
    if not row.label:
        return "The line has no label."
    if len(row.label) > _LONGEST_LABEL or not is_text((row.label,)):
        return f"The label can't be the name of a class: at most {_LONGEST_LABEL} letters that can be shown."
    if row.split and part_named(row.split) is None:
        return f"The part is called {ascii(row.split[:20])[1:-1]}; known are train, validation and test."
    return ""


def _parts(taken: dict[NamePath, tuple[str, str]], depth: int) -> dict[NamePath, Part]:
    """The part of each picture, where all have one and there are at least two; a split column goes before folders."""
    by_column = {path: part for path, (_, split) in taken.items() if (part := part_named(split))}
    by_folder = {path: part for path in taken if len(path) > depth + 1 and (part := part_named(path[depth]))}
    for parts in (by_column, by_folder):
        if len(parts) == len(taken) and len(set(parts.values())) > 1:
            return parts
    return {}


def _not_pictures(listing: Listing, table: LabelTable) -> list[RejectedFile]:
    reasons = {member.path: no_picture_name(member.path) for member in listing.members}
    return [
        RejectedFile(file="/".join(path), reason=reason)
        for path, reason in reasons.items()
        if reason and path != table.path
    ]


def _told(rejected: list[RejectedFile]) -> list[RejectedFile]:
    """The first of them, and how many more there are: a table for another folder must not fill the screen."""
    more = len(rejected) - _MOST_TOLD
    if more <= 0:
        return rejected
    last = RejectedFile(file=f"{more:,} more lines", reason="Could not be used either, for reasons such as these.")
    return [*rejected[:_MOST_TOLD], last]
