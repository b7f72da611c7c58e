"""Reading a table of labels: what separates its columns, and which of them name the file, the class and the part."""

from __future__ import annotations

import codecs
import csv
import io
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import PurePosixPath
from typing import Final

from tlcore.errors import ImportRefused
from tlcore.images.decode import EXTENSIONS

LABELS_FORM: Final = (
    "Write a line file,label for each picture (cat1.jpg,cat), as text in UTF-8 with a comma, semicolon or tab between; "
    "a first line with the names of the columns and a column split (train, validation, test) may be there."
)
"""What a table of labels looks like, for messages."""

_DELIMITERS: Final = (",", ";", "\t")
_SAMPLE: Final = 200
_FILE_NAMES: Final = frozenset(
    {"file", "filename", "filenames", "filepath", "filepaths", "id", "image", "imagefile", "imageid", "imagename"}
    | {"imagepath", "img", "path", "picture"}
)
# The earlier, the likelier to be what people call the class, where a table has several.
_LABEL_NAMES: Final = ("classname", "labelname", "label", "labels", "class", "category", "target", "species")
_SPLIT_NAMES: Final = frozenset({"split", "part", "set", "subset", "partition", "dataset"})


@dataclass(frozen=True)
class LabelRow:
    """One line of a table.

    Attributes:
        line: Its number in the file, from 1.
        file: What it calls the picture.
        label: The class.
        split: What it says of the part, or "".
    """

    line: int
    file: str
    label: str
    split: str


@dataclass(frozen=True)
class LabelTable:
    """A table of labels.

    Attributes:
        name: Of its file, for messages.
        rows: In the file's order, without empty ones.
        path: Where it lies among the pictures; () where it lies elsewhere.
    """

    name: str
    rows: tuple[LabelRow, ...]
    path: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Columns:
    file: int
    label: int
    split: int | None


@dataclass(frozen=True)
class _Line:
    number: int
    cells: list[str]


def read_table(name: str, data: bytes, known: Callable[[str], bool], most_rows: int) -> LabelTable:
    """Reads a table of labels. Which column is which is judged by the pictures that there are, then by its name.

    Args:
        name: Of the file.
        data: Its bytes.
        known: Whether a cell names one of the pictures.
        most_rows: How many it may have.

    Raises:
        ImportRefused: It is no table, none of its rows names a picture, or its column of labels can't be told.
    """
    text = _decoded(data)
    sample = {delimiter: _lines(name, text, delimiter, _SAMPLE) for delimiter in _DELIMITERS}
    hits = {
        delimiter: sum(len(line.cells) > 1 and any(map(known, line.cells)) for line in lines)
        for delimiter, lines in sample.items()
    }
    delimiter = max(_DELIMITERS, key=hits.__getitem__)
    if not hits[delimiter]:
        first = next((line.cells for line in islice(sample[","], 1, None)), [])
        raise ImportRefused(
            f"No line of {name} names one of the pictures; nothing was imported",
            value=",".join(first)[:100] or "an empty table",
            hint=LABELS_FORM,
        )
    lines = _lines(name, text, delimiter, most_rows + 2)
    header = _is_header(lines[0].cells, known)
    body = lines[1:] if header else lines
    if len(body) > most_rows:
        raise ImportRefused(
            f"{name} has too many lines; nothing was imported", value=f"more than {most_rows:,}", hint="Shorten it."
        )
    names = [_plain(cell) for cell in lines[0].cells] if header else []
    columns = _columns(name, names, lines[0].cells if header else [], body[:_SAMPLE], known)
    return LabelTable(name, tuple(_row(line, columns) for line in body))


def _decoded(data: bytes) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")  # what spreadsheet programs in the West save


def _lines(name: str, text: str, delimiter: str, most: int) -> list[_Line]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
    try:
        lines = (_Line(reader.line_num, [cell.strip() for cell in cells]) for cells in reader if any(cells))
        return list(islice(lines, most))
    except csv.Error as error:
        raise ImportRefused(f"{name} is not a table of labels", value=str(error), hint=LABELS_FORM) from error


def _is_header(cells: Sequence[str], known: Callable[[str], bool]) -> bool:
    return not any(known(cell) or PurePosixPath(cell).suffix.lower() in EXTENSIONS for cell in cells)


def _plain(cell: str) -> str:
    return re.sub(r"[\W_]+", "", cell.casefold())


def _columns(
    table: str, names: list[str], header: list[str], body: list[_Line], known: Callable[[str], bool]
) -> _Columns:
    """Which column is which: the file's is the one that names most pictures."""
    width = max(len(line.cells) for line in body)
    names = names + [""] * (width - len(names))
    split = next((index for index, name in enumerate(names) if name in _SPLIT_NAMES), None)
    labelled = sorted(
        (index for index, name in enumerate(names) if name in _LABEL_NAMES), key=lambda i: _LABEL_NAMES.index(names[i])
    )
    others = [index for index in range(width) if index != split and index not in labelled]
    hits = {index: sum(known(cell) for line in body for cell in line.cells[index : index + 1]) for index in others}
    file = max(others, key=lambda index: (hits[index], names[index] in _FILE_NAMES), default=None)
    if file is None or not hits[file]:
        raise ImportRefused(
            f"No column of {table} names the pictures; nothing was imported", value=",".join(header), hint=LABELS_FORM
        )
    rest = labelled or [index for index in others if index != file]
    if not labelled and len(rest) != 1:
        raise ImportRefused(
            f"It can't be told which column of {table} is the label; nothing was imported",
            value=",".join(header or body[0].cells)[:200],
            hint="Name the columns in its first line, and call that one label.",
        )
    return _Columns(file, rest[0], split)


def _row(line: _Line, columns: _Columns) -> LabelRow:
    def cell(index: int | None) -> str:
        return line.cells[index] if index is not None and index < len(line.cells) else ""

    label = unicodedata.normalize("NFC", cell(columns.label))
    return LabelRow(line.number, cell(columns.file), label, cell(columns.split))
