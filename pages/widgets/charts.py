"""Charts on a page: the figure, its description, and its data as CSV."""

from __future__ import annotations

from functools import partial

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from tlcore.plots.theme import CHART_CONFIG


def show_chart(figure: go.Figure, data: pd.DataFrame, *, key: str, file_name: str, alt: str) -> None:
    """Draws a figure with a button that downloads its data.

    Args:
        figure: The chart.
        data: What it shows, a line for each point.
        key: Unique on the page.
        file_name: Of the CSV file.
        alt: What the chart shows, for those who can't see it.
    """
    st.plotly_chart(figure, key=key, config=CHART_CONFIG, alt=alt)
    st.download_button(
        "Data as CSV",
        data=partial(csv_bytes, data),
        file_name=file_name,
        mime="text/csv",
        key=f"{key}-csv",
        icon=":material/download:",
        type="tertiary",
        on_click="ignore",
    )


def csv_bytes(data: pd.DataFrame) -> bytes:
    """CSV in UTF-8 with the mark by which spreadsheet programs recognise it."""
    return data.to_csv(index=False).encode("utf-8-sig")
