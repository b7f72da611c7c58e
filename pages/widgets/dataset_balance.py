"""How many pictures each class of a dataset has."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from pages.widgets.charts import show_chart
from pages.widgets.shell import plain_text
from tlcore.data.dataset import DatasetInfo
from tlcore.plots.balance import MOST_BARS, balance_figure

_TALL = 640
_CLASSES_BEFORE_SCROLLING = 24


def show_balance(info: DatasetInfo) -> None:
    """The chart, and in words whether the classes are about equally large."""
    if info.counts is None:
        st.info("The pictures are not counted yet. Show them in the gallery first.", icon=":material/bar_chart:")
        return
    if not info.counts:
        st.info("There are no classes yet. Add two or more to begin.", icon=":material/bar_chart:")
        return
    st.markdown(balance_in_words(info.counts))
    many = len(info.counts) > _CLASSES_BEFORE_SCROLLING
    with st.container(height=_TALL if many else "content", border=False):
        show_chart(
            balance_figure(dict(info.counts)),
            pd.DataFrame({"class": list(info.counts), "pictures": list(info.counts.values())}),
            key="data-balance",
            file_name="classes.csv",
            alt="Bars of the number of pictures by class, the largest class on top",
        )
    if len(info.counts) > MOST_BARS:
        st.caption(
            f"The {MOST_BARS // 2} largest and the {MOST_BARS // 2} smallest of {len(info.counts):,} classes; the CSV "
            "has all."
        )
    if info.excluded:
        st.caption(f"{info.excluded:,} pictures that are left out are not counted.")


def balance_in_words(counts: dict[str, int]) -> str:
    """Whether the classes are about equally large, and what to do when they are not."""
    if len(counts) == 1:
        return "There is one class only. Telling apart takes at least two: add another one."
    empty = [name for name, count in counts.items() if not count]
    if empty:
        names = ", ".join(plain_text(name) for name in empty[:5]) + (" …" if len(empty) > 5 else "")
        return f"Without pictures: **{names}**. Every class needs some before a model can learn it."
    most, least = max(counts, key=counts.__getitem__), min(counts, key=counts.__getitem__)
    if counts[most] <= 1.5 * counts[least]:
        return "The classes are about equally large. That is good: none is favoured."
    return (
        f"**{plain_text(most)}** has {counts[most]:,} pictures and **{plain_text(least)}** {counts[least]:,}. The "
        "model will favour large classes. More pictures of the small ones help most; weighing the classes equally "
        "(Model page, Advanced) helps some."
    )
