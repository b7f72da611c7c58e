"""What is on its way into a dataset: imports, additions and Kaggle downloads at work, and what came of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pandas as pd
import streamlit as st

from pages.widgets.address import close_job, follow_job, open_view
from pages.widgets.importing import forget_form
from pages.widgets.jobs import watch_job
from pages.widgets.shell import guarded, plain_text, workspace
from pages.widgets.tables import sentence_table
from tlcore.data.source_note import find_made_by
from tlcore.data.versions import find_version_made_by
from tlcore.jobs.again import resume
from tlcore.jobs.leftovers import is_upload
from tlcore.jobs.service import read_error, read_result
from tlcore.runs.folder import RunFolder
from tlcore.runs.record import JobRecord
from tlcore.runs.registry import Registry
from tlcore.runs.states import State

KINDS: Final = ("import", "kaggle", "add", "unpack-dataset")

_TOLD: Final = "arrivals-told"
_CLOSED: Final = "arrivals-closed"
_FEW: Final = 6


def show_arrivals() -> None:
    """Jobs at work, whoever started them; the end of the one that the address names; the last, if interrupted."""
    named = st.query_params.get("job")
    working = [record.id for record in Registry(workspace()).unfinished() if record.kind in KINDS]
    interrupted = _last_if_interrupted()
    for job in dict.fromkeys([*([named] if named else []), *working, *interrupted]):
        with guarded():
            view = watch_job(job)
            if view.state.ended and job in (named, *interrupted) and view.record.kind in KINDS:
                _show_end(view.record)


def is_arriving() -> bool:
    """Whether the job that the address names is at work: its form has nothing to do meanwhile."""
    named = st.query_params.get("job")
    return any(record.id == named for record in Registry(workspace()).unfinished())


def _last_if_interrupted() -> list[str]:
    """The newest job if nobody has let it go on: whoever comes back finds it, also without its address."""
    registry = Registry(workspace())
    newest = max((one for kind in KINDS for one in registry.list(kind)[:1]), key=lambda one: one.created, default=None)
    if newest is None or newest.state is not State.INTERRUPTED or newest.id in st.session_state.get(_CLOSED, ()):
        return []
    return [newest.id]


def _show_end(record: JobRecord) -> None:
    if record.state is State.COMPLETED:
        result = read_result(workspace(), record.id)
        _lead_there(record, result)
        _show_result(record, result)
    elif record.state is State.STOPPED:
        st.info("It was stopped; nothing of it was kept.", icon=":material/stop_circle:")
    elif record.state is State.INTERRUPTED:
        _show_interruption(record)
    else:
        st.error(plain_text(str(read_error(workspace(), record.id))), icon=":material/error:")
        if "new" in st.query_params:
            upload = ", but for the upload: choose it again" if record.kind == "import" else ""
            st.caption(f"Nothing was kept. The form below is as you left it{upload}.")
    st.button(
        "Close this message", key=f"close-{record.id}", type="tertiary", on_click=_close_message, args=(record.id,)
    )


def _close_message(job: str) -> None:
    st.session_state.setdefault(_CLOSED, set()).add(job)
    if st.query_params.get("job") == job:
        close_job()


def _show_interruption(record: JobRecord) -> None:
    """Why it was interrupted, and a button that starts it again if what it needs is there."""
    reason = plain_text(record.error or "Its process was ended.")
    st.warning(f"{plain_text(record.title)} was interrupted. {reason}", icon=":material/power_off:")
    if _upload_is_gone(record):
        st.caption("Nothing half-made was kept, and what you uploaded is not there any more: upload it again.")
        return
    pressed = st.button(
        "Go on",
        icon=":material/resume:",
        key=f"go-on-{record.id}",
        help="Puts it back in the queue. Nothing half-made was kept, and what you gave is still there.",
    )
    if pressed:
        with guarded():
            # The second click of two finds it in the queue already.
            if Registry(workspace()).get(record.id).state.ended:
                resume(workspace(), record.id)
            follow_job(record.id)
            st.rerun()


def _upload_is_gone(record: JobRecord) -> bool:
    """Whether an upload that the job still needs was removed since; where its pictures are in, it needs none."""
    payload = RunFolder.find(workspace(), record.id).read_config()
    given = [Path(str(payload[name])) for name in ("path", "labels") if payload.get(name)]
    if all(path.exists() or not is_upload(workspace(), path) for path in given):
        return False
    if record.kind == "add":
        return find_version_made_by(workspace(), payload["dataset"], record.id) is None
    return find_made_by(workspace(), record.id) is None


def _lead_there(record: JobRecord, result: dict[str, Any]) -> None:
    """Shows the dataset that was made, and empties the form, the first time that the end is told."""
    told: set[str] = st.session_state.setdefault(_TOLD, set())
    if record.id in told:
        return
    told.add(record.id)
    if record.kind == "add":
        return
    forget_form()
    if "dataset" not in st.query_params:
        open_view(dataset=str(result["dataset_id"]))


def _show_result(record: JobRecord, result: dict[str, Any]) -> None:
    classes: dict[str, int] = result["classes"]
    rejected: list[dict[str, str]] = result["rejected"]
    name = plain_text(result["name"])
    text = f"**{name}** is imported: {sum(classes.values()):,} pictures in {len(classes)} classes."
    if record.kind == "add":
        text = _added_text(name, result)
    elif result["duplicates"]:
        text += f" {result['duplicates']:,} of them are exact copies of another one; copies are never split apart."
    st.success(text, icon=":material/check_circle:")
    if rejected:
        with st.expander(f"Files left out: {len(rejected):,}", icon=":material/rule:", expanded=len(rejected) < _FEW):
            rejected_table(rejected, "import-left-out")


def _added_text(name: str, result: dict[str, Any]) -> str:
    added, copies = int(result["added"]), int(result["copies"])
    text = f"{added:,} {'picture' if added == 1 else 'pictures'} added to **{name}**."
    if copies:
        text += f" {copies:,} {'was' if copies == 1 else 'were'} there already."
    return text


def rejected_table(rejected: list[dict[str, str]], key: str) -> None:
    """Files that were left out, each with its reason."""
    table = pd.DataFrame(rejected).rename(columns={"file": "File", "reason": "Why it was left out"})
    sentence_table(table, key)
