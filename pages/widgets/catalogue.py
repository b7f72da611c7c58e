"""The catalogue of TensorFlow Datasets: its list, and one of its datasets before it is on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final
from uuid import uuid4

import streamlit as st

from pages.widgets.address import open_view
from pages.widgets.jobs import watch_job
from pages.widgets.shell import guarded, plain_text, show_error, workspace
from pages.widgets.text import size_text
from tlcore.data.catalog import find_dataset
from tlcore.data.dataset import DatasetInfo
from tlcore.data.tfds.catalogue import SHORT_LIST, CatalogueEntry, find_entry, search_catalogue
from tlcore.data.tfds.directory import TfdsState, data_dir, find_on_disk, state_of
from tlcore.data.tfds.prepare import divide
from tlcore.jobs.allowed import check_dataset
from tlcore.jobs.service import read_error, submit
from tlcore.runs.record import JobRecord
from tlcore.runs.registry import Registry
from tlcore.runs.states import State

_UNKNOWN: Final = "unknown until downloaded"
_MOST_CLASSES: Final = 12
_OTHERS: Final = ("sample", "my")
MANUAL: Final = "downloads/manual"
"""Where in its data folder TensorFlow Datasets looks for what was fetched by hand."""
_SPLITS: Final = {
    "own": "The dataset's own",
    "ours": "Made here",
}
_SPLIT_CAPTIONS: Final = (
    "Comparable with what others report. Parts that it lacks are made here.",
    "All its pictures are divided anew: training, validation and test with equal shares of each class.",
)


@dataclass(frozen=True)
class CatalogueRow:
    """A dataset of the catalogue in the list.

    Attributes:
        id: Of its first variant, or of that which is on this machine.
        name: What people call it.
        caption: Where it is, classes, pictures, download size.
    """

    id: str
    name: str
    caption: str


def first_of_catalogue() -> str:
    """The dataset that beginners see first."""
    return SHORT_LIST[0]


def catalogue_rows(wanted: str, here: Sequence[DatasetInfo]) -> list[CatalogueRow]:
    """What is on this machine, then what suits beginners, then all others; a row for each dataset.

    Args:
        wanted: What the search is for; "" finds all.
        here: Datasets that are here, of any source.
    """
    rows = {info.id: _row_here(info) for info in here if info.source == "tfds"}
    for entry in _one_variant_each(search_catalogue(wanted)):
        rows.setdefault(entry.id, CatalogueRow(entry.id, entry.name, _caption(entry)))
    return list(rows.values())


def _row_here(info: DatasetInfo) -> CatalogueRow:
    pictures = "" if info.pictures is None else f", {info.pictures:,} pictures"
    return CatalogueRow(info.id, info.name, f"On this machine, {len(info.class_names)} classes{pictures}")


def _one_variant_each(entries: Sequence[CatalogueEntry]) -> list[CatalogueEntry]:
    """The first variant of each dataset; beginners' ones come first, then the default ones."""
    first: dict[str, CatalogueEntry] = {}
    for entry in entries:
        first.setdefault(_builder(entry), entry)
    return list(first.values())


def _builder(entry: CatalogueEntry) -> str:
    return entry.id.partition("/")[0]


def _caption(entry: CatalogueEntry) -> str:
    words = ["For beginners"] if entry.beginner else []
    words.append(f"{entry.classes:,} classes")
    if entry.pictures is not None:
        words.append(f"{entry.pictures:,} pictures")
    if entry.manual:
        words.append("to be fetched by hand")
    elif entry.download_bytes is not None:
        words.append(size_text(entry.download_bytes))
    return ", ".join(words)


def entry_to_prepare(dataset_id: str) -> CatalogueEntry | None:
    """The dataset of TensorFlow Datasets that this is, if its pictures are not read in yet; else None.

    Raises:
        DatasetError: There is no such dataset.
        ImportRefused: The catalogue is switched off here.
    """
    if dataset_id.partition("/")[0] in _OTHERS:
        return None
    check_dataset(workspace(), dataset_id)
    entry = find_entry(dataset_id)
    known_as = entry.id if entry else dataset_id
    if state_of(workspace(), known_as) == "ready":
        return None
    on_disk = find_on_disk(known_as)
    if entry is None or on_disk is not None:
        info = find_dataset(workspace(), known_as) if on_disk is None else on_disk.info()
        return _entry_of(info, entry)
    return entry


def _entry_of(info: DatasetInfo, entry: CatalogueEntry | None) -> CatalogueEntry:
    """What the files on this machine tell, which is more than the catalogue's entry, if it has one, does."""
    counted = {str(part): count for part, count in info.parts.items()}
    if entry is not None:
        return replace(entry, splits=counted or entry.splits, pictures=info.pictures or entry.pictures)
    return CatalogueEntry(
        id=info.id,
        name=info.name,
        config="",
        description=info.description,
        classes=len(info.class_names),
        class_names=info.class_names,
        citation=info.citation,
        homepage=info.homepage,
        licence=info.licence,
        splits=counted,
        pictures=info.pictures,
        download_bytes=None,
        manual="",
        beginner=False,
        default=True,
        tfds_version="",
    )


def show_entry(entry: CatalogueEntry) -> None:
    """What is known of a dataset before its pictures are read in, and the button that brings it here."""
    st.subheader(plain_text(entry.name), anchor=False)
    st.caption(f"`{entry.id}` of TensorFlow Datasets {entry.tfds_version}")
    _choose_variant(entry)
    state = state_of(workspace(), entry.id)
    _facts(entry, state)
    with guarded():
        _prepare_section(entry, state)
    for paragraph in entry.description.split("\n\n"):
        st.markdown(plain_text(paragraph))
    if entry.class_names:
        names = ", ".join(plain_text(name) for name in entry.class_names[:_MOST_CLASSES])
        more = len(entry.class_names) - _MOST_CLASSES
        st.markdown(f"**Classes**  \n{names}{f' and {more:,} more' if more > 0 else ''}")
    if entry.citation:
        with st.expander("How its makers want to be cited", icon=":material/format_quote:"):
            st.code(entry.citation, language=None, wrap_lines=True)
    if entry.homepage.startswith(("https://", "http://")):
        st.link_button("Home page", entry.homepage, icon=":material/open_in_new:", type="tertiary")


def _choose_variant(entry: CatalogueEntry) -> None:
    variants = [other.id for other in search_catalogue("") if _builder(other) == _builder(entry)]
    if len(variants) < 2:
        return
    st.session_state["catalogue-variant"] = entry.id
    st.selectbox(
        "Variant",
        variants,
        format_func=lambda dataset_id: dataset_id.partition("/")[2] or dataset_id,
        key="catalogue-variant",
        on_change=_follow_variant,
        help="The same pictures with other classes, sizes or selections; the description tells which.",
    )


def _follow_variant() -> None:
    open_view(dataset=st.session_state["catalogue-variant"])


def _facts(entry: CatalogueEntry, state: TfdsState) -> None:
    size = _UNKNOWN if entry.download_bytes is None else size_text(entry.download_bytes)
    facts = {
        "Classes": f"{entry.classes:,}",
        "Pictures": _UNKNOWN if entry.pictures is None else f"{entry.pictures:,}",
        "Its own parts": ", ".join(f"{count:,} {split}" for split, count in entry.splits.items()),
        "Download": "on this machine" if state in ("ready", "on disk") else size,
        "Licence": entry.licence or "see its home page",
    }
    with st.container(horizontal=True, gap="medium"):
        for name, value in facts.items():
            if value:
                with st.container(width="content", gap=None):
                    st.caption(name)
                    st.markdown(f"**{plain_text(value)}**")


def _prepare_section(entry: CatalogueEntry, state: TfdsState) -> None:
    job = _latest_job(entry.id)
    if job is not None and not watch_job(job.id).state.ended:
        st.caption("It goes on by itself; you may leave this page. The pictures are shown here once they are ready.")
        return
    if job is not None and job.state is State.STOPPED:
        st.info("It was stopped. What was downloaded whole is used the next time.", icon=":material/stop_circle:")
    failed = job is not None and job.error is not None
    if job is not None and failed:
        show_error(read_error(workspace(), job.id))
        st.button(
            "Show the samples",
            icon=":material/wifi_off:",
            help="They work without a network.",
            key="catalogue-samples",
            on_click=open_view,
            kwargs={"source": "samples"},
        )
    if state == "manual":
        _manual(entry)
    chosen = st.radio(
        "Training, validation and test",
        list(_SPLITS),
        format_func=_SPLITS.__getitem__,
        captions=_SPLIT_CAPTIONS,
        key="catalogue-split",
        persist_state="session",
    )
    if st.button(
        "Try again" if failed else "Read it in" if state == "on disk" else "Download and prepare",
        type="primary",
        icon=":material/download:" if state == "download" else ":material/play_arrow:",
        key="catalogue-prepare",
        help="Runs in the background; it can be stopped, and a half-prepared dataset is never used.",
    ):
        payload = {"dataset": entry.id, "split": chosen, "audit": True}
        submit(workspace(), "prepare", payload, f"Prepare {entry.name}", dataset=entry.id, token=uuid4().hex)
        st.rerun()


def _manual(entry: CatalogueEntry) -> None:
    """What a person has to fetch, since the makers let no program fetch it."""
    st.warning(
        "Its makers give it only to people, often after one has agreed to their terms. Fetch it once, then prepare it "
        "here.",
        icon=":material/back_hand:",
    )
    st.markdown(
        f"**What to fetch**  \n{plain_text(entry.manual)}\n\n"
        f"**Where to put it**, on the computer where this app runs  \n{plain_text(str(data_dir() / MANUAL))}"
    )


def division_button(info: DatasetInfo) -> None:
    """For a dataset of the catalogue that is here: who divides it into training, validation and test."""
    with st.popover("Parts", icon=":material/call_split:", help="Training, validation and test"):
        now = "own" if info.parts else "ours"
        chosen = st.radio(
            "Training, validation and test",
            list(_SPLITS),
            index=list(_SPLITS).index(now),
            format_func=_SPLITS.__getitem__,
            captions=_SPLIT_CAPTIONS,
            key=f"catalogue-division-{info.id}-{info.version}",
        )
        pressed = st.button("Divide it like this", disabled=chosen == now, key="catalogue-divide")
    if pressed:
        with st.spinner("Dividing the pictures …"):
            divide(workspace(), info.id, "own" if chosen == "own" else "ours")
        st.rerun()


def _latest_job(dataset_id: str) -> JobRecord | None:
    return next((record for record in Registry(workspace()).list("prepare") if record.dataset == dataset_id), None)
