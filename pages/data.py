"""Choosing pictures: samples and one's own, looked at before they are used."""

from __future__ import annotations

from uuid import uuid4

import pandas as pd
import streamlit as st

from pages.widgets.charts import show_chart
from pages.widgets.gallery import gallery
from pages.widgets.importing import import_section, imported_dataset, rejected_table, show_imports
from pages.widgets.jobs import watch_job
from pages.widgets.shell import (
    current_dataset,
    guarded,
    page_header,
    plain_text,
    show_error,
    use_dataset,
    workspace,
)
from tlcore.data.catalog import find_dataset, is_prepared, list_datasets
from tlcore.data.dataset import DatasetInfo
from tlcore.data.samples import SAMPLES
from tlcore.errors import StudioError
from tlcore.jobs.removal import delete_unused_dataset
from tlcore.jobs.service import read_error, submit
from tlcore.plots.balance import balance_figure
from tlcore.runs.registry import Registry
from tlcore.runs.states import State

_REFUSED = "data-refused"
_SOURCES = {"sample": "Sample", "own": "Your pictures"}
_MOST_TAGS = 12


def show_page() -> None:
    """The list, the import, and the chosen dataset."""
    page_header("Data", "Choose the pictures that the model learns from, and have a look at them.")
    show_imports()
    datasets = list_datasets(workspace())
    left, right = st.columns([1, 2], gap="large")
    with left, guarded():
        choose(datasets)
        import_section(opened=all(info.source == "sample" for info in datasets))
    with right, guarded():
        show_dataset()


def choose(datasets: list[DatasetInfo]) -> None:
    """The list with its search; the address follows the choice."""
    wanted = st.text_input(
        "Search",
        key="data-search",
        type="search",
        icon=":material/search:",
        placeholder="name or class",
        help="Shows only datasets with this in their name or in the name of a class.",
    )
    found = [info for info in datasets if matches(info, wanted or "")]
    if not found:
        st.info("No dataset is called like this. Shorten the search, or import your pictures below.")
        return
    by_id = {info.id: info for info in found}
    shown = shown_dataset()
    st.session_state["data-list"] = shown if shown in by_id else None
    st.radio(
        "Datasets",
        list(by_id),
        format_func=lambda dataset_id: plain_text(by_id[dataset_id].name),
        captions=[summary(info) for info in found],
        key="data-list",
        index=None,
        on_change=_follow,
    )


def _follow() -> None:
    if st.session_state["data-list"]:
        st.query_params["dataset"] = st.session_state["data-list"]


def matches(info: DatasetInfo, wanted: str) -> bool:
    """Whether the search finds it."""
    return any(wanted.casefold().strip() in text.casefold() for text in (info.name, info.id, *info.class_names))


def summary(info: DatasetInfo) -> str:
    """Source, pictures and classes in one line."""
    pictures = "not counted yet" if info.pictures is None else f"{info.pictures:,} pictures"
    return f"{_SOURCES[info.source]}, {pictures}, {len(info.class_names)} classes"


def shown_dataset() -> str:
    """The dataset that the address names, else the one just imported, else the one in use, else the first sample."""
    named = st.query_params.get("dataset") or imported_dataset()
    in_use = current_dataset()
    return named or (in_use.id if in_use else SAMPLES[0].id)


def show_dataset() -> None:
    """The chosen dataset: what it is, the way on, and its tabs."""
    try:
        info = find_dataset(workspace(), shown_dataset())
    except StudioError as error:
        show_error(error)
        st.button("Show the samples", on_click=_show_first, key="data-first")
        return
    if refused := st.session_state.pop(_REFUSED, None):
        st.error(plain_text(refused), icon=":material/error:")
    st.subheader(plain_text(info.name), anchor=False)
    tags = [plain_text(name) for name in info.class_names[:_MOST_TAGS]]
    more = f" and {len(info.class_names) - _MOST_TAGS} more" if len(info.class_names) > _MOST_TAGS else ""
    st.markdown(f"{summary(info)}: {', '.join(tags)}{more}.")
    if st.button(
        "Use this dataset",
        type="primary",
        icon=":material/arrow_forward:",
        key="data-use",
        help="Goes on to the Model page with these pictures.",
    ):
        use_dataset(info.id)
        st.switch_page("pages/model.py")
    looks, balance, about = st.tabs(["Gallery", "Balance", "About"], key="data-tab", on_change="rerun")
    with looks, guarded():
        if looks.open:
            show_gallery(info)
    with balance, guarded():
        if balance.open:
            show_balance(info)
    with about, guarded():
        if about.open:
            show_about(info)


def _show_first() -> None:
    st.query_params["dataset"] = SAMPLES[0].id


def show_gallery(info: DatasetInfo) -> None:
    """The pictures, or the button that makes a sample's."""
    if is_prepared(workspace(), info.id):
        gallery(info)
        return
    jobs = [record for record in Registry(workspace()).list("prepare") if record.dataset == info.id]
    if jobs and not watch_job(jobs[0].id).state.ended:
        return
    if jobs and jobs[0].state is State.FAILED:
        show_error(read_error(workspace(), jobs[0].id))
    st.info(
        "The pictures of this sample come with the program and are made when they are first needed: here, or when "
        "a training starts. It takes a few seconds and no network.",
        icon=":material/photo_library:",
    )
    st.button("Show the pictures", icon=":material/imagesmode:", key="data-prepare", on_click=_prepare, args=(info,))


def _prepare(info: DatasetInfo) -> None:
    with guarded():
        submit(workspace(), "prepare", {"dataset": info.id}, f"Making {info.name}", dataset=info.id, token=uuid4().hex)


def show_balance(info: DatasetInfo) -> None:
    """How many pictures each class has."""
    if info.counts is None:
        st.info("The pictures are not counted yet. Show them in the gallery first.")
        return
    st.markdown(balance_in_words(info.counts))
    show_chart(
        balance_figure(dict(info.counts)),
        pd.DataFrame({"class": list(info.counts), "pictures": list(info.counts.values())}),
        key="data-balance",
        file_name="classes.csv",
        alt="Bars of the number of pictures by class, the largest class on top",
    )


def balance_in_words(counts: dict[str, int]) -> str:
    """Whether the classes are about equally large, and what to do when they are not."""
    most, least = max(counts, key=counts.__getitem__), min(counts, key=counts.__getitem__)
    if counts[most] <= 1.5 * counts[least]:
        return "The classes are about equally large. That is good: none is favoured."
    return (
        f"**{plain_text(most)}** has {counts[most]:,} pictures and **{plain_text(least)}** {counts[least]:,}. The "
        "model will favour large classes. More pictures of the small ones help most; weighing the classes equally "
        "(Model page, Advanced) helps some."
    )


def show_about(info: DatasetInfo) -> None:
    """Where the pictures come from, what was left out, and how to delete them."""
    if info.description:
        st.markdown(plain_text(info.description))
    parts = ", ".join(f"{count:,} {part}" for part, count in info.parts.items())
    facts = {
        "Id (for links and the command line)": info.id,
        "Comes from": info.origin,
        "Licence": info.licence,
        "Made": f"{info.created:%d %B %Y, %H:%M} UTC" if info.created else "",
        "Its own parts": parts,
        "Exact copies": f"{info.duplicates:,}" if info.duplicates else "",
        "Fingerprint": info.fingerprint,
    }
    for name, value in facts.items():
        if value:
            st.markdown(f"**{name}**  \n{plain_text(value)}")
    if info.homepage and info.source == "sample":
        st.link_button("Home page", info.homepage, icon=":material/open_in_new:", type="tertiary")
    if info.rejected:
        st.markdown(f"**Files left out: {len(info.rejected):,}**")
        rejected_table([entry.model_dump() for entry in info.rejected], "left-out")
    if info.source == "own":
        st.space("small")
        if st.button("Delete this dataset", icon=":material/delete:", type="tertiary", key="data-delete"):
            ask_to_delete(info)


@st.dialog("Delete this dataset?", icon=":material/delete:")
def ask_to_delete(info: DatasetInfo) -> None:
    """Asks once, naming what is lost."""
    st.markdown(
        f"The copies of **{info.pictures or 0:,} pictures** of **{plain_text(info.name)}** in this program will be "
        "gone. The files that you imported them from stay, and so do models that learned from them; their test "
        "pictures will no longer be shown."
    )
    with st.container(horizontal=True):
        if st.button("Delete", type="primary", key="delete-yes", on_click=_delete, args=(info.id,)):
            st.rerun()
        if st.button("Keep it", key="delete-no"):
            st.rerun()


def _delete(dataset_id: str) -> None:
    """Deletes, or leaves the reason why not for the page: what a callback draws itself is lost."""
    try:
        delete_unused_dataset(workspace(), dataset_id)
    except StudioError as error:
        st.session_state[_REFUSED] = str(error)
        return
    st.query_params.pop("dataset", None)
    st.query_params.pop("import", None)


show_page()
