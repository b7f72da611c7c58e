"""What people of a team share: a dataset or a finished run, packed into one file from which others take copies.

    <host>/shared/<32 random hexadecimal digits>/parcel.zip   what is shared, as `pack_run` and `pack_dataset` make it
    <host>/shared/<…>/share.json                              what it is and whose; written last

A copy can't change what it was taken from, and taking something back leaves the copies of others as they are.
"""

from __future__ import annotations

import logging
import secrets
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, ValidationError

from tlcore.data.catalog import find_dataset
from tlcore.data.dataset_parcel import pack_dataset, unpack_dataset
from tlcore.errors import InputError, WorkspaceError
from tlcore.files import read_json, write_json
from tlcore.jobs.after_import import brought_in_before, import_result, run_brought_in_before, token_of
from tlcore.jobs.allowed import check_runs, check_team
from tlcore.jobs.context import JobContext
from tlcore.jobs.share_leftovers import GONE, SHARE, SHARED
from tlcore.members import owner_name
from tlcore.progress import Reporter
from tlcore.runs.identity import Clock, utc_now
from tlcore.runs.registry import Registry
from tlcore.runs.run_parcel import pack_run, unpack_run
from tlcore.workspace import Workspace, check_id

Kind = Literal["dataset", "run"]

_PARCEL: Final = "parcel.zip"

_log = logging.getLogger(__name__)


class Share(BaseModel):
    """Something that is shared.

    Attributes:
        id: Its own name.
        kind: A dataset or a run.
        item: Its id in the workspace that it is from.
        name: What people call it.
        owner: The folder of whose it is.
        by: What people call them.
        created: When it was shared.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    kind: Kind
    item: str
    name: str
    owner: str
    by: str
    created: datetime


def list_shared(workspace: Workspace, kind: Kind) -> list[Share]:
    """Everything of one kind that the people of the app share, by name; a damaged one is left out and logged."""
    found = []
    for path in _place(workspace).glob(f"*/{SHARE}"):
        try:
            share = Share.model_validate(read_json(path))
        except (OSError, ValueError, ValidationError) as error:
            _log.warning("what is shared in %s can't be read: %s", path.parent.name, error)
            continue
        if share.kind == kind and share.id == path.parent.name:
            found.append(share)
    return sorted(found, key=lambda share: (share.name.casefold(), share.id))


def find_share(workspace: Workspace, share_id: str) -> Share:
    """One thing that is shared.

    Raises:
        InputError: It is not, or not any more.
    """
    check_id("thing that is shared", share_id)
    for kind in ("dataset", "run"):
        for share in list_shared(workspace, "run" if kind == "run" else "dataset"):
            if share.id == share_id:
                return share
    raise InputError("This is not shared (any more)", value=share_id, hint="Ask whoever shared it.")


def share_item(
    workspace: Workspace, kind: Kind, item: str, reporter: Reporter | None = None, clock: Clock = utc_now
) -> Share:
    """Shares a dataset or a run with everybody who uses the app; what was shared of it before is replaced.

    Raises:
        InputError: There is no such dataset or run, it can't be packed, or nothing can be shared in this mode.
        WorkspaceError: The disk is full or can't be written.
        Stopped: Somebody asked to stop.
    """
    check_team(workspace)
    name = find_dataset(workspace, item).name if kind == "dataset" else Registry(workspace).get(item).title
    before = [share for share in list_shared(workspace, kind) if is_mine(workspace, share) and share.item == item]
    share = Share(
        id=secrets.token_hex(16),
        kind=kind,
        item=item,
        name=name,
        owner=workspace.root.name,
        by=owner_name(workspace),
        created=clock(),
    )
    folder = _place(workspace) / share.id
    try:
        folder.mkdir(parents=True)
        if kind == "dataset":
            pack_dataset(workspace, item, folder / _PARCEL, reporter)
        else:
            pack_run(workspace, item, folder / _PARCEL)
        write_json(folder / SHARE, share.model_dump(mode="json"))
    except OSError as error:
        raise WorkspaceError(
            f"It can't be shared: {error.strerror}", value=name, hint="Is the disk full? Nothing of it was kept."
        ) from error
    finally:
        if not (folder / SHARE).is_file():
            shutil.rmtree(folder, ignore_errors=True)
    for old in before:
        _remove(workspace, old)
    return share


def unshare(workspace: Workspace, share_id: str, *, as_admin: bool = False) -> None:
    """Takes back what is shared; copies that others took stay theirs.

    Raises:
        InputError: It is not shared any more, or is somebody else's.
    """
    share = find_share(workspace, share_id)
    if not (as_admin or is_mine(workspace, share)):
        raise InputError(
            "Only whoever shared it can take it back", value=share.name, hint=f"Ask {share.by}, or an administrator."
        )
    _remove(workspace, share)


def is_mine(workspace: Workspace, share: Share) -> bool:
    """Whether it was shared from this workspace."""
    return share.owner == workspace.root.name


def take_copy(
    workspace: Workspace, share_id: str, reporter: Reporter | None = None, made_by: str = ""
) -> dict[str, Any]:
    """Takes a copy of what is shared; it is then one's own.

    Args:
        workspace: Who takes it.
        share_id: What.
        reporter: Told how far it is, and asked whether to stop.
        made_by: The job that does it; see `brought_in_before`.

    Returns:
        `{"run_id": …}`, or `import_result` of the dataset.

    Raises:
        ImportRefused: It is here already, or there are as many datasets as may be.
        InputError: It is not shared any more, or there are as many runs as may be kept.
        WorkspaceError: The disk is full or can't be written.
        Stopped: Somebody asked to stop.
    """
    check_team(workspace)
    share = find_share(workspace, share_id)
    path = _place(workspace) / share.id / _PARCEL
    if share.kind == "run":
        check_runs(workspace)
        # `share_item` packed it, from a run whose network was made here: nobody else writes into that folder.
        return {"run_id": unpack_run(workspace, path, owner_name(workspace), trusted=True, token=token_of(made_by))}
    return import_result(unpack_dataset(workspace, path, reporter, made_by))


def run_share(context: JobContext) -> dict[str, Any]:
    """The job that shares `payload["item"]`, a `payload["what"]`. Returns and raises as `share_item` does."""
    payload = context.payload
    context.reporter.event("task", task="Packing")
    what: Kind = "run" if payload["what"] == "run" else "dataset"
    return {"share": share_item(context.workspace, what, payload["item"], context.reporter).id}


def run_take(context: JobContext) -> dict[str, Any]:
    """The job that takes a copy of `payload["share"]`. Returns and raises as `take_copy` does."""
    if (info := brought_in_before(context)) is not None:
        return import_result(info)
    if (run_id := run_brought_in_before(context)) is not None:
        return {"run_id": run_id}
    context.reporter.event("task", task="Copying")
    return take_copy(context.workspace, context.payload["share"], context.reporter, context.folder.id)


def _place(workspace: Workspace) -> Path:
    return workspace.host / SHARED


def _remove(workspace: Workspace, share: Share) -> None:
    """Renamed first: whoever copies it now is cut short, and nobody finds half of it."""
    folder = _place(workspace) / share.id
    grave = folder.with_name(f"{GONE}{share.id}-{uuid4().hex[:8]}")
    try:
        folder.rename(grave)
    except FileNotFoundError:
        return  # taken back already
    shutil.rmtree(grave, ignore_errors=True)
