"""Test pictures with what the model said and what is true."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages.widgets.pictures import picture_thumbnail, whole_dataset
from pages.widgets.shell import plain_text, workspace
from tlcore.data.catalog import find_dataset
from tlcore.data.stored import StoredDataset
from tlcore.errors import StudioError
from tlcore.evaluation.report import Report, TestPicture

PAGE = 30
_SIDE = 100
_ANY = -1


def test_grid(report: Report, pictures: Sequence[TestPicture]) -> None:
    """Thirty pictures at a time, wrong ones first, filtered by truth and answer."""
    names = report.class_names
    wrong = sum(not picture.right for picture in pictures)
    st.caption(
        f"{wrong:,} of {len(pictures):,} wrong; these come first, the surest mistakes on top. "
        "After them come right answers, the least sure first."
        if wrong
        else f"All {len(pictures):,} right; the least sure come first."
    )
    options = [_ANY, *range(len(names))]
    left, right = st.columns(2)
    truth = left.selectbox(
        "Truly", options, format_func=lambda index: "any class" if index == _ANY else names[index], key="grid-truth"
    )
    answer = right.selectbox(
        "Answered", options, format_func=lambda index: "anything" if index == _ANY else names[index], key="grid-answer"
    )
    shown = [picture for picture in pictures if truth in (_ANY, picture.truth) and answer in (_ANY, picture.answer)]
    if not shown:
        st.info("No test picture is like this. Choose another truth or answer.")
        return
    try:
        dataset = whole_dataset(find_dataset(workspace(), report.dataset.test_dataset or report.dataset.id))
    except StudioError as error:
        st.warning(f"The pictures themselves can't be shown: {plain_text(str(error))}")
        return
    pages = -(-len(shown) // PAGE)
    page = st.pagination(pages, key=f"grid-page-{truth}-{answer}") if pages > 1 else 1
    with st.container(horizontal=True, gap="small"):
        for picture in shown[(page - 1) * PAGE : page * PAGE]:
            _card(dataset, picture, names)


def _card(dataset: StoredDataset, picture: TestPicture, names: Sequence[str]) -> None:
    answer, truth = plain_text(names[picture.answer]), plain_text(names[picture.truth])
    with st.container(width=_SIDE + 12, gap=None):
        # By its name: where it was has moved, since the dataset was changed after the test.
        index = dataset.index_of(picture.key)
        if index is not None and picture.sha256 not in ("", dataset.hashes[index]):
            index = None  # another picture has its name now
        data = None if index is None else picture_thumbnail(dataset, index, _SIDE)
        if data is None:
            gone = "The picture was removed or replaced since."
            st.caption(gone if index is None else "The picture can't be read any more.")
        else:
            st.image(data, width=_SIDE, alt=f"Test picture, truly {names[picture.truth]}")
        if picture.right:
            st.caption(f":green[:material/check:] {answer}, {picture.confidence:.0%}")
        else:
            st.caption(f":red[:material/close:] **{answer}**, {picture.confidence:.0%}; truly **{truth}**")
