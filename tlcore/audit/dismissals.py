"""Cases that somebody looked at and called right: the check only suspects, and does not insist."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from typing import Final

from filelock import FileLock
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from tlcore.audit.files import audit_folder
from tlcore.audit.record import FindingKind, Item
from tlcore.errors import WorkspaceError
from tlcore.files import read_json, write_json
from tlcore.workspace import Workspace

_NAME: Final = "dismissed.json"

_log = logging.getLogger(__name__)


class Case(BaseModel):
    """What makes a case the same in the next check: its pictures and the classes that they have.

    Attributes:
        kind: What was suspected.
        keys: Of the pictures, sorted.
        classes: Of the pictures, parallel to `keys`.
    """

    model_config = ConfigDict(frozen=True)

    kind: FindingKind
    keys: tuple[str, ...]
    classes: tuple[str, ...]


_CASES: Final = TypeAdapter(tuple[Case, ...])


def case_of(kind: FindingKind, item: Item) -> Case:
    """The case of an item."""
    pairs = sorted(zip(item.keys, item.classes or ("",) * len(item.keys), strict=True))
    return Case(kind=kind, keys=tuple(key for key, _ in pairs), classes=tuple(name for _, name in pairs))


def read_dismissed(workspace: Workspace, dataset_id: str) -> frozenset[Case]:
    """The cases of a dataset that somebody called right. A damaged list costs looking at them again, and is logged."""
    path = audit_folder(workspace, dataset_id) / _NAME
    try:
        return frozenset(_CASES.validate_python(read_json(path)))
    except FileNotFoundError:
        return frozenset()
    except (OSError, ValueError, ValidationError) as error:
        _log.warning("the list of dismissed cases of %s can't be read: %s", dataset_id, error)
        return frozenset()


def dismiss(workspace: Workspace, dataset_id: str, kind: FindingKind, items: Sequence[Item]) -> None:
    """Notes that these cases are right as they are; no picture changes.

    Raises:
        WorkspaceError: The disk is full or can't be written.
    """
    _change(workspace, dataset_id, add={case_of(kind, item) for item in items})


def recall(workspace: Workspace, dataset_id: str, cases: Collection[Case]) -> None:
    """Takes notes of `dismiss` back: the cases are told again. Raises as it does."""
    _change(workspace, dataset_id, remove=cases)


def _change(workspace: Workspace, dataset_id: str, add: Collection[Case] = (), remove: Collection[Case] = ()) -> None:
    folder = audit_folder(workspace, dataset_id)
    if not folder.is_dir():
        raise WorkspaceError("This dataset is not here any more, or was never checked", value=dataset_id)
    try:
        with FileLock(folder / f"{_NAME}.lock"):  # two people may look through one dataset
            cases = (read_dismissed(workspace, dataset_id) | set(add)) - set(remove)
            ordered = sorted(cases, key=lambda case: (case.kind, case.keys))
            write_json(folder / _NAME, _CASES.dump_python(tuple(ordered), mode="json"))
    except OSError as error:
        raise WorkspaceError(
            f"This can't be noted: {error.strerror or error}", value=dataset_id, hint="Free some disk space."
        ) from error
