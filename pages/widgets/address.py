"""What the Data page shows, as its address names it: a dataset, a way to bring pictures in, or one to add more."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import streamlit as st

from pages.widgets.shell import current_dataset, workspace
from tlcore.data.catalog import list_datasets
from tlcore.data.dataset import DatasetInfo
from tlcore.data.samples import SAMPLES
from tlcore.errors import StudioError
from tlcore.jobs.service import read_result
from tlcore.modes import Source

_VIEW: Final = ("dataset", "new", "grow", "source")
_JOB: Final = "job"
_CHANGE: Final = "address-change"
_SETTLING_SECONDS: Final = 2.0


class Origin(StrEnum):
    """The three lists of datasets."""

    YOURS = "yours"
    SAMPLES = "samples"
    CATALOGUE = "catalogue"


_ORIGINS: Final = {"own": Origin.YOURS, "sample": Origin.SAMPLES, "tfds": Origin.CATALOGUE}


@dataclass(frozen=True)
class _Change:
    """A change of the address that the browser may not know of yet.

    Attributes:
        before, after: What the address named.
        until: When the browser surely knows, by the monotonic clock.
    """

    before: dict[str, str]
    after: dict[str, str]
    until: float


def settle_address(clock: Callable[[], float] = time.monotonic) -> None:
    """Takes the address as it was last changed here; call it first on the page.

    Each run begins with the address that the browser sent. A timer's request that left before the browser had heard of
    a change brings the old one: the page would show one thing and the address name another.
    """
    change: _Change | None = st.session_state.get(_CHANGE)
    if change is None:
        return
    if clock() < change.until and _named() == change.before:
        _write(change.after)
        return
    if clock() >= change.until:
        del st.session_state[_CHANGE]


def open_view(**wanted: str) -> None:
    """Makes the address name another view: any of `dataset`, `new`, `grow` and `source`; what is left out is closed."""
    _change({name: value for name, value in _named().items() if name == _JOB} | wanted)


def follow_job(job: str) -> None:
    """Puts a job into the address, so that a refresh finds it again; what is on view stays."""
    _change(_named() | {_JOB: job})


def close_job() -> None:
    """Takes the job out of the address: its end has been told."""
    _change({name: value for name, value in _named().items() if name != _JOB})


def _named() -> dict[str, str]:
    return {name: st.query_params[name] for name in (*_VIEW, _JOB) if name in st.query_params}


def _change(after: dict[str, str]) -> None:
    before = _named()
    if after != before:
        st.session_state[_CHANGE] = _Change(before, after, time.monotonic() + _SETTLING_SECONDS)
        _write(after)


def _write(after: dict[str, str]) -> None:
    for name in (*_VIEW, _JOB):
        if name not in after:
            st.query_params.pop(name, None)
    for name, value in after.items():
        st.query_params[name] = value


def made_dataset() -> str | None:
    """The dataset that the job in the address made, None while there is none."""
    job = st.query_params.get(_JOB)
    if job is None:
        return None
    try:
        return str(read_result(workspace(), job)["dataset_id"])
    except (StudioError, KeyError):
        return None  # at work, failed or unknown: the list of jobs says which


def shown_origin() -> Origin:
    """The list that is open: the one that the address names, else that of the dataset shown."""
    named = st.query_params.get("source")
    if named in set(Origin) and (named != Origin.CATALOGUE or workspace().allows(Source.TFDS)):
        return Origin(named)
    if "new" in st.query_params:
        return Origin.YOURS
    dataset_id = st.query_params.get("dataset") or made_dataset()
    if dataset_id is not None:
        origin = _origin_of(dataset_id)
        return origin if origin is not Origin.CATALOGUE or workspace().allows(Source.TFDS) else Origin.SAMPLES
    in_use = current_dataset()
    if in_use is not None:
        return _ORIGINS[in_use.source]
    return Origin.YOURS if own_datasets() else Origin.SAMPLES


def shown_dataset(origin: Origin, first_of_catalogue: str) -> str | None:
    """The dataset that the address names, else one of the open list: the one in use or its first; None: it is empty."""
    named = st.query_params.get("dataset") or made_dataset()
    if named is not None:
        return named
    in_use = current_dataset()
    if in_use is not None and _ORIGINS[in_use.source] is origin:
        return in_use.id
    if origin is Origin.SAMPLES:
        return SAMPLES[0].id
    if origin is Origin.CATALOGUE:
        return first_of_catalogue
    return next((info.id for info in own_datasets()), None)


def own_datasets() -> list[DatasetInfo]:
    """The person's own datasets."""
    return [info for info in list_datasets(workspace()) if info.source == "own"]


def _origin_of(dataset_id: str) -> Origin:
    first = dataset_id.split("/")[0]
    return {"my": Origin.YOURS, "sample": Origin.SAMPLES}.get(first, Origin.CATALOGUE)
