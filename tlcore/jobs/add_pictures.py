"""The add job: more pictures for one class of one's own dataset."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from tlcore.data.archive import open_archive
from tlcore.data.dataset import RejectedFile
from tlcore.data.growing import Added, add_pictures
from tlcore.data.layout import no_picture_name
from tlcore.data.listing import Listing
from tlcore.data.versions import find_version_made_by
from tlcore.errors import PictureError
from tlcore.files import read_json, write_json
from tlcore.images.guard import GuardedDecoder
from tlcore.jobs.after_import import import_result, is_another_attempt, with_audit
from tlcore.jobs.context import JobContext
from tlcore.jobs.leftovers import consumed, remove_uploads, sweep_leftovers
from tlcore.progress import Reporter

_WORDS: Final = "added.json"


def run(context: JobContext) -> dict[str, Any]:
    """Adds the pictures in the zip `payload["path"]` to `payload["class_name"]` of the dataset `payload["dataset"]`.

    The zip is an upload in the workspace's incoming folder; it is removed whatever happens. Folders in it mean nothing.
    With `payload["audit"]` the dataset is checked afterwards.

    Returns:
        `import_result` of the dataset, where what was left out is that of this zip; `added` and `copies` (pictures that
        the dataset has already), and the check's job as `audit`.

    Raises:
        DatasetError: There is no such dataset or class, it is not one's own, or would have too many pictures.
        ImportRefused: The zip is hostile or too large, or lies elsewhere.
        Stopped: Somebody asked to stop; nothing is kept.
    """
    payload, workspace = context.payload, context.workspace
    path = Path(payload["path"])
    done = _done_before(context)
    if done is not None:
        remove_uploads(workspace, path)
        return with_audit(context, done)
    rejected: list[RejectedFile] = []
    with consumed(workspace, path):
        sweep_leftovers(workspace)
        with open_archive(path, workspace.limits) as listing, GuardedDecoder(workspace.limits) as decoder:
            rejected += listing.rejected
            added = add_pictures(
                workspace,
                payload["dataset"],
                payload["class_name"],
                _pictures(listing, rejected),
                decoder,
                _OutOf(context.reporter, len(listing.members)),
                made_by=context.folder.id,
                before_it_is_there=lambda added: write_json(context.folder.path / _WORDS, _words(added, rejected)),
            )
    result = import_result(added.info) | _words(added, rejected)
    return with_audit(context, result) if added.keys else result


def _words(added: Added, rejected: Sequence[RejectedFile]) -> dict[str, Any]:
    """What the result tells of the zip, rather than of the dataset."""
    left_out = sorted((*rejected, *added.rejected), key=lambda entry: entry.file)
    return {
        "added": len(added.keys),
        "copies": added.copies,
        "rejected": [{"file": entry.file, "reason": entry.reason} for entry in left_out],
    }


def _done_before(context: JobContext) -> dict[str, Any] | None:
    """The result of an earlier attempt that was killed after the pictures were in, and before that was told."""
    words = context.folder.path / _WORDS
    if not (is_another_attempt(context) and words.is_file()):
        return None
    info = find_version_made_by(context.workspace, context.payload["dataset"], context.folder.id)
    return None if info is None else import_result(info) | read_json(words)


def _pictures(listing: Listing, rejected: list[RejectedFile]) -> Iterator[tuple[str, bytes]]:
    """Names and bytes of what may be a picture, read one at a time; what can't be read joins the rejected."""
    for member in listing.members:
        name = "/".join(member.path)
        if reason := no_picture_name(member.path):
            rejected.append(RejectedFile(file=name, reason=reason))
            continue
        try:
            data = member.read()
        except PictureError as error:
            rejected.append(RejectedFile(file=name, reason=str(error)))
            continue
        yield name, data


class _OutOf:
    """Tells progress out of the number of files in the zip, which those who take pictures one by one don't know."""

    def __init__(self, reporter: Reporter, total: int) -> None:
        self._reporter = reporter
        self._total = total

    def event(self, kind: str, **values: Any) -> None:
        """Passes the event on."""
        self._reporter.event(kind, **values)

    def progress(self, task: str, done: int, total: int) -> None:
        """Passes the progress on, with the true total."""
        self._reporter.progress(task, done, self._total or total)

    def stop_requested(self) -> bool:
        """Whether somebody asked to stop."""
        return self._reporter.stop_requested()
