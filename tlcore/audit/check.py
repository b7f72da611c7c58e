"""The whole check of a dataset."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tlcore.audit.alignment import METHOD
from tlcore.audit.averages import draw_averages
from tlcore.audit.balance import find_in_counts
from tlcore.audit.copies import find_copies
from tlcore.audit.embeddings import Seen, look_at_pictures
from tlcore.audit.files import audit_folder, write_audit
from tlcore.audit.labels import DIMENSIONS, believe, find_wrong_labels
from tlcore.audit.mapping import draw_map
from tlcore.audit.outliers import find_blank, find_outliers, find_tiny
from tlcore.audit.record import Audit, Finding, FindingKind, Item
from tlcore.audit.resemblance import NEIGHBOURS, confirmed, near_in_embedding
from tlcore.audit.space import Neighbours, nearest, principal
from tlcore.audit.verdicts import Verdicts
from tlcore.audit.words import make_finding, worst_first
from tlcore.data.catalog import open_dataset
from tlcore.data.edits import keep_together
from tlcore.data.stored import StoredDataset, dataset_folder
from tlcore.errors import DatasetError, WorkspaceError
from tlcore.progress import Reporter, Silence
from tlcore.workspace import Workspace

_ROUNDS: Final = 3
"""How often a check begins again because somebody changed the dataset meanwhile; only what is new is looked at."""


def check_dataset(workspace: Workspace, dataset_id: str, reporter: Reporter | None = None) -> Audit:
    """Looks for everything that is wrong with a dataset, keeps the result, and draws its map and averages.

    Near-copies that it finds beyond those that the import found are noted in the dataset, so that splits keep them on
    one side; that makes a version of it.

    Args:
        workspace: Where the dataset is.
        dataset_id: Which dataset.
        reporter: Told what is done, and asked whether to stop.

    Raises:
        DatasetError: There is no such dataset, it is not prepared, or has no pictures.
        WorkspaceError: The disk is full or can't be written; the last check is as it was.
        Stopped: Somebody asked to stop; the last check is as it was.
    """
    told = reporter or Silence()
    for _ in range(_ROUNDS):
        open_dataset(workspace, dataset_id)  # refuses what is unknown or unprepared, in its own words
        check = _Check(workspace, StoredDataset.open(dataset_folder(workspace, dataset_id)), told)
        try:
            audit = check.run()
        except OSError as error:
            raise WorkspaceError(
                f"The check can't be kept: {error.strerror or error}", value=dataset_id, hint="Free some disk space."
            ) from error
        if StoredDataset.open(check.dataset.folder).info.fingerprint == audit.fingerprint:
            break
    return audit


class _Check:
    """One check of one state of a dataset."""

    def __init__(self, workspace: Workspace, dataset: StoredDataset, reporter: Reporter) -> None:
        if not len(dataset):
            raise DatasetError("There are no pictures to check", value=dataset.info.id, hint="Add some first.")
        self.dataset = dataset
        self._workspace = workspace
        self._reporter = reporter
        self._folder: Path = audit_folder(workspace, dataset.info.id)
        self._seconds: dict[str, float] = {}

    def run(self) -> Audit:
        """Checks, and keeps the result."""
        self._folder.mkdir(exist_ok=True)
        with self._measure("look"):
            seen = look_at_pictures(self._workspace, self.dataset, self._folder, self._reporter)
        with self._measure("compare"):
            rows, neighbours = self._compare(seen)
        points = principal(seen.embeddings, DIMENSIONS)
        with self._measure("labels"):
            cases = self._cases(seen, points, rows, neighbours)
        with self._measure("averages"):
            draw_averages(self.dataset, self._folder, self._workspace.limits, self._reporter)
        with self._measure("map"):
            draw_map(self.dataset, points, self._folder, self._reporter)
        findings = [make_finding(kind, items, len(self.dataset)) for kind, items in cases.items() if items]
        audit = Audit(
            dataset_id=self.dataset.info.id,
            version=self.dataset.info.version,
            fingerprint=self.dataset.info.fingerprint,
            created=datetime.now(UTC),
            pictures=len(self.dataset),
            seconds={name: round(seconds, 2) for name, seconds in self._seconds.items()},
            findings=worst_first([*find_in_counts(self.dataset), *findings]),
            contents=self._contents(findings),
        )
        write_audit(self._folder, audit)
        return audit

    @contextmanager
    def _measure(self, name: str) -> Iterator[None]:
        started = time.monotonic()
        try:
            yield
        finally:
            self._seconds[name] = self._seconds.get(name, 0.0) + time.monotonic() - started

    def _compare(self, seen: Seen) -> tuple[NDArray[np.int64], Neighbours]:
        """One of each group of copies and its neighbours; near-copies found on the way are noted in the dataset."""
        _, rows = np.unique(self.dataset.groups, return_index=True)
        neighbours = nearest(seen.embeddings[rows], NEIGHBOURS, self._reporter)
        candidates = rows[near_in_embedding(neighbours)]
        verdicts = Verdicts(self._folder, METHOD)
        pairs = confirmed(self.dataset, candidates, self._workspace.limits, verdicts, self._reporter)
        if pairs:
            groups = [[self.dataset.keys[one], self.dataset.keys[other]] for one, other in pairs]
            keep_together(self._workspace, self.dataset.info.id, groups)
            self._reopen()
        return rows, neighbours

    def _reopen(self) -> None:
        """Takes over the groups. Where somebody changed the pictures meanwhile, the next round sees to it."""
        now = StoredDataset.open(self.dataset.folder)
        if list(now.keys) == list(self.dataset.keys) and np.array_equal(now.labels, self.dataset.labels):
            self.dataset = now

    def _cases(
        self, seen: Seen, points: NDArray[np.float32], rows: NDArray[np.int64], neighbours: Neighbours
    ) -> dict[FindingKind, list[Item]]:
        belief = believe(self.dataset, points, self._reporter)
        cases = find_copies(self.dataset, belief.in_label(self.dataset.labels))
        cases[FindingKind.BLANK] = find_blank(self.dataset, seen.relief)
        cases[FindingKind.TINY] = find_tiny(self.dataset, self.dataset.widths.tolist(), self.dataset.heights.tolist())
        # Each picture is told for its worst fault: a blank one has no label, and one in two classes is not just wrong.
        passed_over = self._named(cases[FindingKind.BLANK] + cases.get(FindingKind.TWO_CLASSES, []))
        cases[FindingKind.LABEL] = find_wrong_labels(self.dataset, belief, passed_over)
        passed_over |= self._named(cases[FindingKind.LABEL])
        cases[FindingKind.OUTLIER] = find_outliers(self.dataset, rows, neighbours, passed_over)
        return cases

    def _contents(self, findings: list[Finding]) -> dict[str, str]:
        hashes = dict(zip(self.dataset.keys, self.dataset.hashes, strict=True))
        return {key: hashes[key] for finding in findings for item in finding.items for key in item.keys}

    def _named(self, items: list[Item]) -> NDArray[np.bool_]:
        keys = {key for item in items for key in item.keys}
        return np.array([key in keys for key in self.dataset.keys], dtype=np.bool_)
