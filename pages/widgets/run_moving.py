"""A run as one file: downloaded here, brought in there."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import streamlit as st

from pages.widgets.jobs import watch_job
from pages.widgets.shell import guarded, workspace
from pages.widgets.upload_field import hand_over, upload_field
from tlcore.jobs.service import read_error, read_result, submit
from tlcore.runs.run_parcel import pack_run
from tlcore.runs.states import State
from tlcore.workspace import Workspace

_FIELD: Final = "compare-parcel"
_JOB: Final = "bring"


def whole_run_button(run_id: str) -> None:
    """Offers the whole run as one file, made when it is pressed."""
    st.download_button(
        "Whole run (zip)",
        data=partial(_packed, workspace(), run_id),
        file_name=f"{run_id}-run.zip",
        mime="application/zip",
        key="results-whole",
        icon=":material/move_to_inbox:",
        on_click="ignore",
        help="To move it to another machine: model, results, settings, name, note and tags. The Compare page there "
        "takes it in. Your user name, paths of this machine and the training pictures are not in it.",
    )


def _packed(home: Workspace, run_id: str) -> bytes:
    with TemporaryDirectory() as place:
        return pack_run(home, run_id, Path(place) / "run.zip").read_bytes()


def bring_in_section() -> None:
    """The form for a run that was packed elsewhere; not drawn where models from outside may not come in."""
    if not workspace().policy.models_from_files:
        return
    with st.expander("Bring in a run from another machine", icon=":material/move_to_inbox:"):
        st.markdown(
            'The file that "Whole run (zip)" on a Results page makes, or `runs pack` on the command line. It becomes a '
            "run here, with its results, name, note and tags."
        )
        kept = upload_field(_FIELD, "Packed run", "zip", "A zip made by this program, on any computer.")
        if st.button("Bring it in", type="primary", disabled=kept is None, key="compare-bring") and kept:
            with guarded():
                payload = {"path": str(kept.path), "remove_after": True}
                # One upload is brought in once, however often the button is pressed.
                job = submit(workspace(), "unpack-run", payload, f"Bringing in {kept.name}", token=kept.path.name)
                hand_over(_FIELD)
                st.query_params[_JOB] = job
                st.rerun()


def show_arriving() -> None:
    """The run that is on its way in, as the address names it; and its end."""
    job = st.query_params.get(_JOB)
    if job is None:
        return
    view = watch_job(job)
    if not view.state.ended:
        return
    if view.state is State.COMPLETED:
        run_id = read_result(workspace(), job)["run_id"]
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            st.markdown(":green[:material/check:] The run is here.")
            st.page_link("pages/results.py", label="Open it", icon=":material/insights:", query_params={"run": run_id})
            st.button("Close this message", type="tertiary", key="bring-close", on_click=_close)
        return
    del st.query_params[_JOB]
    if view.state is State.STOPPED:
        st.info("It was stopped; nothing was kept.", icon=":material/stop_circle:")
    else:
        raise read_error(workspace(), job)


def _close() -> None:
    st.query_params.pop(_JOB, None)
