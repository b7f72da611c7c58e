"""Tables with sentences in them, which wrap instead of being cut off."""

from __future__ import annotations

from functools import partial
from typing import Final

import pandas as pd
import streamlit as st

from pages.widgets.charts import csv_bytes
from pages.widgets.text import plain_text

_MOST_ROWS: Final = 100


def sentence_table(rows: pd.DataFrame, key: str) -> None:
    """Draws a table whose cells are text, never markup; a long one is cut, with all of it as a download.

    Args:
        rows: What it shows, all cells text.
        key: Unique on the page.
    """
    st.table(rows.head(_MOST_ROWS).map(plain_text), hide_index=True, border="horizontal")
    if len(rows) > _MOST_ROWS:
        st.caption(f"The first {_MOST_ROWS} of {len(rows):,}.")
        st.download_button(
            "All as CSV",
            data=partial(csv_bytes, rows),
            file_name=f"{key}.csv",
            mime="text/csv",
            key=key,
            icon=":material/download:",
            type="tertiary",
            on_click="ignore",
        )
