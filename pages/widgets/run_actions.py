"""What can be done to a run that has ended: put it away, take it out again, delete it for good."""

from __future__ import annotations

import streamlit as st

from pages.widgets.run_bin import delete_for_good_button, put_away, restore_button, show_refusal, was_refused
from tlcore.runs.record import JobRecord


def delete_button(record: JobRecord) -> None:
    """A button that moves the run to the bin; for one that lies there, the way back and the way out."""
    show_refusal()
    if record.archived:
        restore_button(record)
        delete_for_good_button(record)
        return
    key = f"bin-{record.id}"
    pressed = st.button(
        "Move to the bin", icon=":material/delete:", type="tertiary", key=key, on_click=put_away, args=(record.id,)
    )
    if pressed and not was_refused():
        st.switch_page("pages/compare.py")
