"""Test pictures with what the model said and what is true."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import streamlit as st

from pages.widgets.pictures import SIDE, SmallCopies, small_copies, whole_dataset
from pages.widgets.shell import plain_text, workspace
from pages.widgets.stamps import Stamp, stamp_grid
from tlcore.data.catalog import find_dataset
from tlcore.data.stored import StoredDataset
from tlcore.errors import StudioError
from tlcore.evaluation.report import Report, TestPicture

PAGE: Final = 30
_ANY: Final = -1
_SECONDS: Final = 0.12
"""For small copies that are not kept yet, in one run; the rest come with the next ones."""


@st.fragment
def test_grid(report: Report, pictures: Sequence[TestPicture]) -> None:
    """Thirty pictures at a time, wrong ones first, filtered by truth and answer. Turning a page runs nothing else."""
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
    part = shown[(page - 1) * PAGE : page * PAGE]
    places = [_place(dataset, picture) for picture in part]
    copies = small_copies(dataset, [place for place in places if place is not None], SIDE, _SECONDS)
    first = (page - 1) * PAGE + 1
    text = f"{first:,} to {first + len(part) - 1:,} of {len(shown):,} test pictures"
    stamp_grid(
        [_stamp(picture, place, copies, names) for picture, place in zip(part, places, strict=True)],
        key="grid-pictures",
        token=f"{report.run_id} {dataset.info.version} {dataset.info.fingerprint[:8]} {truth} {answer} {page}",
        label=text,
    )
    st.caption(text)


def _place(dataset: StoredDataset, picture: TestPicture) -> int | None:
    """Where a test picture is now; None when it is gone, or another picture has its name."""
    # By its name: where it was has moved, since the dataset was changed after the test.
    index = dataset.index_of(picture.key)
    if index is not None and picture.sha256 not in ("", dataset.hashes[index]):
        return None
    return index


def _stamp(picture: TestPicture, place: int | None, copies: SmallCopies, names: Sequence[str]) -> Stamp:
    answer, truth = names[picture.answer], names[picture.truth]
    sure = f"{picture.confidence:.0%}"
    return Stamp(
        key=picture.key,
        name=answer,
        title=f"{picture.key}: truly {truth}, answered {answer} ({sure})",
        data=None if place is None else copies.found.get(place),
        loaded=place is None or place in copies.found,
        note=f"{sure} sure" if picture.right else f"{sure} sure; truly {truth}",
        verdict="right" if picture.right else "wrong",
        gone="removed or replaced since" if place is None else "can't be read any more",
    )
