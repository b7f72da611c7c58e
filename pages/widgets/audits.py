"""What the check of a dataset knows, kept in memory: pages ask for it at every click."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from pages.widgets.pictures import prepared_dataset
from pages.widgets.shell import workspace
from tlcore.audit.dismissals import Case, read_dismissed
from tlcore.audit.files import audit_folder
from tlcore.audit.findings import Audit, Finding, open_findings, read_audit
from tlcore.data.dataset import DatasetInfo
from tlcore.runs.record import JobRecord
from tlcore.runs.registry import Registry

KIND = "audit"


@dataclass(frozen=True)
class Checked:
    """The last check of a dataset.

    Attributes:
        audit: As it was made.
        open: What of it nobody has mended yet or called right, the worst first.
        dismissed: The cases that somebody called right.
        current: Whether the dataset is still the one that was checked.
    """

    audit: Audit
    open: tuple[Finding, ...]
    dismissed: frozenset[Case]
    current: bool


def last_check(info: DatasetInfo) -> Checked | None:
    """The last check of a prepared dataset; None when it was never checked.

    Raises:
        DatasetError: It is not prepared, or damaged.
    """
    folder = audit_folder(workspace(), info.id)
    try:
        changed = folder.stat().st_mtime_ns  # replacing a file in it changes it
    except FileNotFoundError:
        return None
    audit = _read(str(workspace().root), info.id, changed)
    if audit is None:
        return None
    dismissed = read_dismissed(workspace(), info.id)
    found = _find_open(f"{folder} {changed} {info.version} {info.fingerprint}", info, audit, dismissed)
    return Checked(audit, found, dismissed, audit.fingerprint == info.fingerprint)


@st.cache_resource(max_entries=4, show_spinner=False)
def _read(home: str, dataset_id: str, changed: int) -> Audit | None:  # noqa: ARG001 - parts of the key
    return read_audit(workspace(), dataset_id)


@st.cache_resource(max_entries=4, show_spinner=False)
def _find_open(
    key: str,  # noqa: ARG001 - the key is the key
    _info: DatasetInfo,
    _audit: Audit,
    _dismissed: frozenset[Case],
) -> tuple[Finding, ...]:
    return open_findings(_audit, prepared_dataset(_info), _dismissed)


def latest_check_job(dataset_id: str) -> JobRecord | None:
    """The newest job that checks, or checked, this dataset."""
    return next((record for record in Registry(workspace()).list(KIND) if record.dataset == dataset_id), None)
