"""The System page's sections for whoever looks after the app: processes, errors, repairs, a file for help from afar.

They tell of everybody's work, so a team's members and a demo's visitors don't get to see them.
"""

from __future__ import annotations

from functools import partial
from typing import Final

import pandas as pd
import streamlit as st

from pages.widgets.shell import plain_text, workspace
from pages.widgets.tables import sentence_table
from pages.widgets.text import size_text
from tlcore.diagnostics import diagnostics, diagnostics_name
from tlcore.logs.reading import LogLine, errors_in, lines_about, read_lines
from tlcore.logs.writing import lines_path
from tlcore.processes import Role, own_processes
from tlcore.runs.repairs import read_repairs

_ROLES: Final[dict[Role, str]] = {
    "app": "This app",
    "supervisor": "Supervisor of the queue",
    "worker": "Worker",
    "helper": "Helper that reads or fetches pictures",
}
_LONGEST_LABEL: Final = 90
_MOST_REPAIRS: Final = 20


def show_processes() -> None:
    """The app's processes and the memory that each takes."""
    st.subheader("Memory in use", anchor=False)
    processes = sorted(own_processes(workspace().host), key=lambda one: (list(_ROLES).index(one.role), one.pid))
    total = sum(process.memory_bytes or 0 for process in processes)
    st.caption(
        f"The app and its workers take {size_text(total)} together. A worker ends with its job and gives all of its "
        "memory back."
    )
    rows = pd.DataFrame(
        {
            "What": [_ROLES[process.role] for process in processes],
            "Memory": [size_text(process.memory_bytes) if process.memory_bytes else "?" for process in processes],
            "Job": [process.job for process in processes],
            "Process": [str(process.pid) for process in processes],
        }
    )
    st.dataframe(rows, hide_index=True, width="stretch")


def show_errors() -> None:
    """Unexpected errors by the id that people were shown, each with what the log says of it."""
    st.subheader("Recent errors", anchor=False)
    lines = read_lines(workspace().host)
    errors = errors_in(lines)
    if not errors:
        st.caption("None.")
        return
    st.caption(
        "Whoever saw one of these was shown its id. Open it for what the log says; all of it is in "
        f"{plain_text(str(lines_path(workspace().host)))}."
    )
    for error in errors:
        with st.expander(_label(error), icon=":material/bug_report:"):
            if error.run:
                st.caption(f"Run {plain_text(error.run)}")
            st.code("\n".join(line.text for line in lines_about(lines, error.error)), language=None, wrap_lines=True)


def _label(error: LogLine) -> str:
    what = error.what if len(error.what) <= _LONGEST_LABEL else f"{error.what[:_LONGEST_LABEL]} …"
    when = error.time[:16].replace("T", " ")
    return f"**{error.error}** · {when} UTC · {plain_text(what)}"


def show_repairs() -> None:
    """What was found damaged or half-done when the app or its supervisor started, and was put right."""
    st.subheader("Put right at start", anchor=False)
    repairs = read_repairs(workspace(), _MOST_REPAIRS)
    if not repairs:
        st.caption("Nothing had to be.")
        return
    rows = pd.DataFrame(
        {"When (UTC)": [f"{one.time:%Y-%m-%d %H:%M}" for one in repairs], "What": [one.text for one in repairs]}
    )
    sentence_table(rows, "repairs")


def show_diagnostics() -> None:
    """One click to a file for whoever helps."""
    st.subheader("Help from afar", anchor=False)
    st.markdown(
        "A small file for whoever helps you: versions, settings, devices, states of jobs, and the last lines of the "
        "log without names. No pictures, no names of files, classes or people, no passwords."
    )
    st.download_button(
        "Download diagnostics",
        data=partial(diagnostics, workspace()),  # it is called where nobody knows whose page it is
        file_name=diagnostics_name(),
        mime="application/zip",
        key="diagnostics",
        icon=":material/download:",
        on_click="ignore",
    )
