"""The System page's section about one's own jobs that failed."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from pages.widgets.shell import workspace
from pages.widgets.tables import sentence_table
from tlcore.overview import failed_jobs


def show_failed_jobs() -> None:
    """What failed, when, and why."""
    st.subheader("Failed jobs", anchor=False)
    failed = failed_jobs(workspace())
    if not failed:
        st.caption("None.")
        return
    rows = pd.DataFrame(
        {
            "Failed job": [record.title for record in failed],
            "When (UTC)": [f"{record.ended or record.created:%Y-%m-%d %H:%M}" for record in failed],
            "Why": [record.error or "" for record in failed],
        }
    )
    sentence_table(rows, "failed-jobs")
