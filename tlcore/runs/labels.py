"""What people call their runs and say of them, and the bin: the one place where such words are checked."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final

from tlcore.data.listing import is_text
from tlcore.errors import InputError, RunError, WorkspaceError
from tlcore.runs.folder import RunFolder, RunMeta
from tlcore.runs.record import JobRecord
from tlcore.runs.registry import Registry
from tlcore.workspace import Workspace

LONGEST_NAME: Final = 120
LONGEST_NOTE: Final = 4_000
LONGEST_TAG: Final = 30
MOST_TAGS: Final = 12

_LINE: Final = re.compile(r"[\n\t]")


def checked_name(name: str) -> str:
    """A name as it is kept: on one line.

    Raises:
        InputError: It is empty, too long, or has characters that can't be shown.
    """
    return _line("name", name, LONGEST_NAME)


def checked_note(note: str) -> str:
    """A note as it is kept: several lines of plain text; "" is none.

    Raises:
        InputError: It is too long, or has characters that can't be shown.
    """
    text = unicodedata.normalize("NFC", note.replace("\r\n", "\n")).strip()
    if len(text) > LONGEST_NOTE:
        raise InputError("The note is too long", value=f"{len(text):,} letters", hint=f"At most {LONGEST_NOTE:,}.")
    if text and not is_text((_LINE.sub(" ", text),)):
        raise InputError("The note has characters that can't be shown", hint="Type it anew, as plain text.")
    return text


def checked_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """Tags as they are kept: each once, whatever its capitals, in the order given.

    Raises:
        InputError: There are too many; or one is empty, too long, has a comma or characters that can't be shown.
    """
    kept: dict[str, str] = {}
    for tag in tags:
        if "," in tag:
            raise InputError("A tag can't have a comma in it", value=tag[:200], hint="Give several tags one by one.")
        text = _line("tag", tag, LONGEST_TAG)
        kept.setdefault(text.casefold(), text)
    if len(kept) > MOST_TAGS:
        raise InputError("There are too many tags", value=len(kept), hint=f"A run may have {MOST_TAGS}.")
    return tuple(kept.values())


def _line(kind: str, text: str, longest: int) -> str:
    line = " ".join(unicodedata.normalize("NFC", text).split())
    if not line:
        raise InputError(f"The {kind} is empty", hint="Type at least one letter.")
    if len(line) > longest:
        raise InputError(f"The {kind} is too long", value=line[:200], hint=f"At most {longest} letters.")
    if not is_text((line,)):
        raise InputError(f"The {kind} has characters that can't be shown", hint="Type it anew, as plain text.")
    return line


def describe(
    workspace: Workspace,
    run_id: str,
    *,
    name: str | None = None,
    note: str | None = None,
    tags: Iterable[str] | None = None,
) -> JobRecord:
    """Changes what a training is called, its note and its tags; None leaves each as it is. Returns its new record.

    Raises:
        InputError: A name, note or tag can't be kept; nothing is changed.
        RunError: There is no such training.
    """
    changes: dict[str, object] = {}
    if name is not None:
        changes["name"] = checked_name(name)
    if note is not None:
        changes["notes"] = checked_note(note)
    if tags is not None:
        changes["tags"] = checked_tags(tags)

    def change(record: JobRecord, meta: RunMeta) -> RunMeta:
        named = meta.named or changes.get("name", record.title) != record.title
        return replace(meta, **changes, named=named)  # type: ignore[arg-type] # each is of its field's type

    return _relabel(workspace, run_id, change)


def archive(workspace: Workspace, run_id: str) -> JobRecord:
    """Puts a training that has ended into the bin: it keeps everything, and lists of runs don't show it.

    Raises:
        RunError: There is no such training, or it has not ended.
    """

    def change(record: JobRecord, meta: RunMeta) -> RunMeta:
        if not record.state.ended:
            raise RunError(f"A run that is {record.state} can't go to the bin", value=run_id, hint="Stop it first.")
        return replace(meta, archived=True)

    return _relabel(workspace, run_id, change)


def restore(workspace: Workspace, run_id: str) -> JobRecord:
    """Takes a training out of the bin; one that is not in it stays as it is.

    Raises:
        RunError: There is no such training.
    """
    return _relabel(workspace, run_id, lambda _, meta: replace(meta, archived=False))


def tags_of(records: Iterable[JobRecord]) -> list[str]:
    """All tags that these runs have, each once, in the order of the alphabet."""
    known: dict[str, str] = {}
    for record in records:
        for tag in record.tags:
            known.setdefault(tag.casefold(), tag)
    return [known[key] for key in sorted(known)]


def matches(record: JobRecord, text: str = "", tags: Iterable[str] = ()) -> bool:
    """Whether a run has every word of `text` in its name, note, tags, dataset or id, and all of `tags`."""
    said = "\n".join((record.title, record.note, *record.tags, record.dataset, record.id)).casefold()
    own = {tag.casefold() for tag in record.tags}
    return all(word in said for word in text.casefold().split()) and all(tag.casefold() in own for tag in tags)


def _relabel(workspace: Workspace, run_id: str, change: Callable[[JobRecord, RunMeta], RunMeta]) -> JobRecord:
    """Changes the folder's own description, which holds the truth, and then the row."""
    folder = RunFolder.find(workspace, run_id)

    def write(record: JobRecord) -> RunMeta:
        if record.kind != "train":
            raise RunError("Only trainings have a name, tags and a place in the bin", value=f"{run_id} ({record.kind})")
        before = folder.read_meta()
        after = change(record, before)
        if after != before:
            folder.write_meta(after)
        return after

    try:
        return Registry(workspace).relabel(run_id, write)
    except OSError as error:
        raise WorkspaceError(
            f"The run's description can't be written: {error.strerror}",
            value=folder.meta,
            hint="Free some disk space, then try again.",
        ) from error
