"""Bringing in one's own pictures: choosing them, watching the import, and what came of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

import pandas as pd
import streamlit as st

from pages.widgets.jobs import watch_job
from pages.widgets.shell import guarded, plain_text, workspace
from pages.widgets.tables import sentence_table
from pages.widgets.uploads import keep_folder, keep_upload
from tlcore.data.naming import free_name
from tlcore.errors import ImportRefused, StudioError
from tlcore.jobs.service import read_error, read_result, submit
from tlcore.runs.registry import Registry
from tlcore.runs.states import State

_ROUND = "import-round"
_LAYOUT = (
    "One folder for each class, named like the class, with its pictures inside: `leaves/oak/1.jpg`, "
    "`leaves/maple/2.jpg` … Folders `train`, `validation` and `test` around the class folders are understood too."
)


def import_section(opened: bool) -> None:
    """The three ways in, folded away unless `opened`."""
    with st.expander("Import my own pictures", icon=":material/upload:", expanded=opened):
        st.markdown(_LAYOUT)
        name = st.text_input(
            "Name",
            key=_key("name"),
            placeholder="as the file or folder is called",
            help="What the dataset will be called here. Leave it empty to take the name of the file or folder.",
        )
        archive, folder, path = st.tabs(["Zip", "Folder", "Path"])
        with archive:
            _zip_form(name)
        with folder:
            _folder_form(name)
        with path:
            _path_form(name)


def _key(name: str) -> str:
    """A new key after each import: the fields are empty again, and the upload's memory is given back."""
    return f"import-{name}-{st.session_state.get(_ROUND, 0)}"


def _zip_form(name: str) -> None:
    upload = st.file_uploader(
        "Zip of class folders",
        type="zip",
        key=_key("zip"),
        help="The fastest way: one file, however many pictures. Right-click your folder and compress it.",
    )
    if st.button("Import the zip", disabled=upload is None, key="import-zip-go") and upload:
        with guarded():
            _start(str(keep_upload(workspace(), upload)), name or Path(upload.name).stem, uploaded=upload.name)


def _folder_form(name: str) -> None:
    st.caption("Each picture travels by itself: 1,400 photos take half a minute. A zip is much faster.")
    uploads = st.file_uploader(
        "Folder of class folders",
        accept_multiple_files="directory",
        key=_key("folder"),
        help="Choose the folder that holds the class folders.",
    )
    if st.button("Import the folder", disabled=not uploads, key="import-folder-go"):
        with guarded():
            top = uploads[0].name.replace("\\", "/").split("/")[0]
            _start(str(keep_folder(workspace(), uploads)), name or top, uploaded=top)


def _path_form(name: str) -> None:
    typed = st.text_input(
        "Path of a folder or zip on this computer",
        key=_key("path"),
        placeholder="/home/me/pictures/leaves",
        help="Where the app runs. Nothing is uploaded; the pictures are copied, yours stay as they are.",
    )
    if st.button("Import from there", disabled=not typed.strip(), key="import-path-go"):
        with guarded():
            path = Path(typed.strip().strip("\"'")).expanduser()
            if not path.is_absolute() or not path.exists():
                raise ImportRefused(
                    "There is no such folder or zip on the computer where the app runs",
                    value=typed.strip(),
                    hint="Give the whole path, from the root or the drive on.",
                )
            _start(str(path), name or path.stem)


def _start(path: str, name: str, uploaded: str = "") -> None:
    """Queues the import and opens the page on it, so that a refresh finds it again; `uploaded` names an upload."""
    free = free_name(workspace(), name)
    payload: dict[str, Any] = {"path": path, "name": free}
    if uploaded:
        payload |= {"remove_after": True, "origin": f"{uploaded}, uploaded in the browser"}
    st.query_params["import"] = submit(workspace(), "import", payload, f"Import of {free}", token=uuid4().hex)
    st.query_params.pop("dataset", None)  # the new one is shown once it is there
    st.session_state[_ROUND] = st.session_state.get(_ROUND, 0) + 1
    st.rerun()


def show_imports() -> None:
    """Imports at work, whoever started them, and the end of the one that the address names."""
    named = st.query_params.get("import")
    working = [record.id for record in Registry(workspace()).unfinished() if record.kind == "import"]
    for job in dict.fromkeys([*([named] if named else []), *working]):
        with guarded():
            view = watch_job(job)
            if view.state.ended:
                _show_end(job, view.state)


def _show_end(job: str, state: State) -> None:
    if state is State.COMPLETED:
        _show_result(read_result(workspace(), job))
    elif state is State.STOPPED:
        st.info("The import was stopped; nothing of it was kept.", icon=":material/stop_circle:")
    else:
        st.error(plain_text(str(read_error(workspace(), job))), icon=":material/error:")
    st.button("Close this message", key=f"close-{job}", type="tertiary", on_click=_close)


def _close() -> None:
    st.query_params.pop("import", None)


def _show_result(result: dict[str, Any]) -> None:
    classes: dict[str, int] = result["classes"]
    rejected: list[dict[str, str]] = result["rejected"]
    text = (
        f"**{plain_text(result['name'])}** is imported: {sum(classes.values()):,} pictures in {len(classes)} classes."
    )
    if result["duplicates"]:
        text += f" {result['duplicates']:,} of them are exact copies of another one; copies are never split apart."
    st.success(text, icon=":material/check_circle:")
    if rejected:
        with st.expander(f"Files left out: {len(rejected):,}", icon=":material/rule:", expanded=len(rejected) < 6):
            rejected_table(rejected, "import-left-out")


def rejected_table(rejected: list[dict[str, str]], key: str) -> None:
    """Files that were left out, each with its reason."""
    table = pd.DataFrame(rejected).rename(columns={"file": "File", "reason": "Why it was left out"})
    sentence_table(table, key)


def imported_dataset() -> str | None:
    """The dataset that the import in the address made, None while there is none."""
    job = st.query_params.get("import")
    if job is None:
        return None
    try:
        return str(read_result(workspace(), job)["dataset_id"])
    except StudioError:
        return None  # at work, failed or unknown: `show_imports` says which
