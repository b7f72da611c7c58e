"""Checks of datasets as the audit job leaves them, made by hand: the real one loads a network."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from tlcore.audit.files import Map, audit_folder, write_audit, write_map
from tlcore.audit.findings import Audit, Finding, FindingKind, Item
from tlcore.audit.words import make_finding
from tlcore.data.catalog import open_dataset
from tlcore.data.dataset import DatasetInfo
from tlcore.workspace import Workspace


def made_finding(kind: FindingKind, *items: Item, pictures: int = 24) -> Finding:
    """A finding in the audit's own words."""
    return make_finding(kind, items, pictures)


def write_check(workspace: Workspace, info: DatasetInfo, *findings: Finding) -> None:
    """Leaves a check with these findings, and a map of all pictures, beside the dataset."""
    folder = audit_folder(workspace, info.id)
    folder.mkdir(exist_ok=True)
    keys = tuple(open_dataset(workspace, info.id).keys)
    places = np.linspace(0, 1, len(keys), dtype=np.float32)
    write_map(folder, Map(keys, places, places[::-1].copy()), info.fingerprint)
    audit = Audit(
        dataset_id=info.id,
        version=info.version,
        fingerprint=info.fingerprint,
        created=datetime(2026, 5, 4, 3, 2, tzinfo=UTC),
        pictures=len(keys),
        seconds={"looking": 12.0},
        findings=findings,
    )
    write_audit(folder, audit)


COPIES = made_finding(
    FindingKind.EXACT_COPIES,
    Item(keys=("cat/000.jpg", "cat/001.jpg"), note="The same file twice", affected=("cat/001.jpg",)),
    Item(keys=("coffee/000.jpg", "coffee/001.jpg"), note="The same file twice", affected=("coffee/001.jpg",)),
)
WRONG_CLASS = made_finding(
    FindingKind.LABEL,
    Item(
        keys=("cat/005.jpg",),
        note="Labelled cat, looks like coffee",
        score=0.9,
        suggestion="coffee",
        affected=("cat/005.jpg",),
        classes=("cat",),
    ),
)
