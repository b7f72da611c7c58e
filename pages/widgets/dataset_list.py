"""The lists of datasets: one's own, the samples, and the catalogue, with one search over all three."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import streamlit as st

from pages.widgets.address import Origin, close_job, open_view, shown_dataset, shown_origin
from pages.widgets.catalogue import catalogue_rows, first_of_catalogue
from pages.widgets.shell import plain_text, workspace
from tlcore.data.catalog import list_datasets
from tlcore.data.dataset import DatasetInfo
from tlcore.modes import Source

_NAMES: Final = {Origin.YOURS: "Yours", Origin.SAMPLES: "Samples", Origin.CATALOGUE: "Catalogue"}
_PAGE: Final = 12
_FEW: Final = 6
_HIGHEST: Final = 420  # pixels
_SEARCH: Final = "data-search"
_LIST: Final = "data-list"
_ORIGIN: Final = "data-origin"


@dataclass(frozen=True)
class _Row:
    name: str
    caption: str


def choose() -> str | None:
    """The way in, the search and the lists; the address follows the choice.

    Returns:
        The dataset to show; None where there is none.
    """
    st.button(
        "Bring in pictures",
        icon=":material/upload:",
        width="stretch",
        key="data-new",
        help="A zip, a folder, or the camera.",
        on_click=_bring_in,
    )
    wanted = st.text_input(
        "Search",
        key=_SEARCH,
        type="search",
        icon=":material/search:",
        persist_state="session",
        placeholder="name or class",
        help="Shows only datasets with this in their name, in the name of a class, or in the description.",
    )
    lists = _lists((wanted or "").strip())
    origin = shown_origin()
    _choose_origin(origin, lists, searching=bool(wanted))
    if origin is Origin.CATALOGUE:
        st.caption("TensorFlow Datasets: pictures that others have collected and published.")
    shown = _shown(origin, lists[origin], searching=bool(wanted))
    _choose_dataset(origin, lists, shown, searching=bool(wanted))
    return shown


def _shown(origin: Origin, rows: Mapping[str, _Row], *, searching: bool) -> str | None:
    """What is on view; while somebody searches and has chosen nothing, the first that is found."""
    shown = shown_dataset(origin, first_of_catalogue())
    if searching and shown not in rows and "dataset" not in st.query_params:
        return next(iter(rows), None)
    return shown


def _bring_in() -> None:
    close_job()  # how an earlier one ended has been told; one at work is shown all the same
    open_view(new="zip")


def _lists(wanted: str) -> dict[Origin, dict[str, _Row]]:
    here = [info for info in list_datasets(workspace()) if matches(info, wanted)]
    rows = {
        origin: {info.id: _Row(info.name, summary(info)) for info in here if info.source == source}
        for origin, source in ((Origin.YOURS, "own"), (Origin.SAMPLES, "sample"))
    }
    if not workspace().allows(Source.TFDS):
        return rows | {Origin.CATALOGUE: {}}
    return rows | {
        Origin.CATALOGUE: {found.id: _Row(found.name, found.caption) for found in catalogue_rows(wanted, here)}
    }


def _choose_origin(origin: Origin, lists: Mapping[Origin, Mapping[str, _Row]], *, searching: bool) -> None:
    st.session_state[_ORIGIN] = origin

    def label(option: Origin) -> str:
        return f"{_NAMES[option]} ({len(lists[option])})" if searching else _NAMES[option]

    st.segmented_control(
        "Datasets of",
        [option for option in _NAMES if option is not Origin.CATALOGUE or workspace().allows(Source.TFDS)],
        format_func=label,
        key=_ORIGIN,
        required=True,
        label_visibility="collapsed",
        wrap=True,
        on_change=_follow_origin,
    )


def _follow_origin() -> None:
    open_view(source=str(st.session_state[_ORIGIN]))


def _choose_dataset(
    origin: Origin, lists: Mapping[Origin, Mapping[str, _Row]], shown: str | None, *, searching: bool
) -> None:
    rows = lists[origin]
    if not rows:
        _nothing_found(origin, lists, searching=searching)
        return
    ids = list(rows)
    pages = -(-len(ids) // _PAGE)
    page = 1
    if pages > 1:
        first = ids.index(shown) // _PAGE + 1 if shown in ids else 1
        key = f"data-page-{origin}-{len(ids)}"  # another search begins on its own first page
        page = st.pagination(pages, default=first, max_visible_pages=5, key=key, persist_state="session")
    offered = ids[(page - 1) * _PAGE : page * _PAGE]
    st.session_state[_LIST] = shown if shown in offered and "new" not in st.query_params else None
    # A long list scrolls by itself: on a phone, what was chosen is drawn below it.
    with st.container(height=_HIGHEST if len(offered) > _FEW else "content", border=False):
        st.radio(
            "Datasets",
            offered,
            format_func=lambda dataset_id: plain_text(rows[dataset_id].name),
            captions=[rows[dataset_id].caption for dataset_id in offered],
            key=_LIST,
            index=None,
            label_visibility="collapsed",
            on_change=_follow,
        )


def _follow() -> None:
    if st.session_state[_LIST]:
        open_view(dataset=st.session_state[_LIST])


def _nothing_found(origin: Origin, lists: Mapping[Origin, Mapping[str, _Row]], *, searching: bool) -> None:
    if not searching:
        st.info("You have no datasets yet. Bring in pictures, or begin with a sample.", icon=":material/photo_library:")
        return
    elsewhere = [f"{len(rows)} in {_NAMES[other]}" for other, rows in lists.items() if other is not origin and rows]
    also = f" It is found: {', '.join(elsewhere)}." if elsewhere else ""
    st.info(f"No dataset in {_NAMES[origin]} is called like this.{also or ' Shorten the search.'}")


def matches(info: DatasetInfo, wanted: str) -> bool:
    """Whether the search finds it."""
    return any(wanted.casefold() in text.casefold() for text in (info.name, info.id, *info.class_names))


def summary(info: DatasetInfo) -> str:
    """Pictures and classes in one line."""
    pictures = "not counted yet" if info.pictures is None else f"{info.pictures:,} pictures"
    return f"{pictures}, {len(info.class_names)} classes"
