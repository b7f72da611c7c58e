"""Bringing in one's own pictures as a new dataset: a zip, folders, Kaggle, or an empty one to be filled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import streamlit as st

from pages.widgets.address import follow_job, open_view
from pages.widgets.dataset_moving import packed_form
from pages.widgets.kaggle import kaggle_form
from pages.widgets.naming import NAME, Naming, name_field
from pages.widgets.shell import guarded, workspace
from pages.widgets.upload_field import hand_over, upload_field
from pages.widgets.uploads import KeptUpload
from tlcore.data.edits import create_dataset
from tlcore.errors import ImportRefused
from tlcore.jobs.service import submit
from tlcore.modes import Source

_WAYS: Final = {
    "zip": "Zip",
    "folder": "Folder",
    "server": "On this computer",
    "kaggle": "Kaggle",
    "empty": "Start empty",
    "packed": "From another machine",
}
_NEEDS: Final = {
    "zip": Source.UPLOADS,
    "folder": Source.UPLOADS,
    "server": Source.FOLDERS,
    "kaggle": Source.KAGGLE,
    "packed": Source.UPLOADS,
}
_LAYOUT: Final = (
    "One folder for each class, named like the class, with its pictures inside: `leaves/oak/1.jpg`, "
    "`leaves/maple/2.jpg` … Folders `train`, `validation` and `test` around the class folders are understood too."
)
_FORM: Final = "file,label\nIMG_0001.jpg,oak\nIMG_0002.jpg,maple"
_LABELS: Final = "import-labels"


def import_panel() -> None:
    """The ways in, the chosen one, and the name of the new dataset."""
    st.subheader("Bring in pictures", anchor=False)
    ways = {name: label for name, label in _WAYS.items() if _offered(name)}
    asked = st.query_params.get("new", "")
    st.session_state["import-way"] = asked if asked in ways else next(iter(ways))
    st.segmented_control(
        "How",
        list(ways),
        format_func=ways.__getitem__,
        key="import-way",
        required=True,
        wrap=True,
        label_visibility="collapsed",
        on_change=_follow_way,
    )
    forms: dict[str, Callable[[], None]] = {
        "zip": _zip_form,
        "folder": _folder_form,
        "server": _server_form,
        "kaggle": _kaggle_way,
        "empty": _empty_form,
        "packed": packed_form,
    }
    with guarded():
        forms[st.session_state["import-way"]]()


def _offered(way: str) -> bool:
    source = _NEEDS.get(way)
    return source is None or workspace().allows(source)


def _follow_way() -> None:
    open_view(new=st.session_state["import-way"])


@dataclass(frozen=True)
class _Material:
    """What is to be imported.

    Attributes:
        path: The archive or folder.
        name: What it is called.
        upload: The field that it was uploaded with; "" where it lies on this computer.
        origin: Where people will read that it comes from; "" is the path.
    """

    path: Path
    name: str
    upload: str = ""
    origin: str = ""


def _zip_form() -> None:
    st.markdown(_LAYOUT)
    kept = upload_field(
        "import-zip",
        "Zip of class folders",
        "zip",
        "The fastest way: one file, however many pictures. Right-click your folder and compress it.",
    )
    labels = _labels_field()
    naming = name_field(Path(kept.name).stem if kept else "")
    if st.button("Import the zip", type="primary", disabled=kept is None, key="import-zip-go") and kept:
        with guarded():
            _start(
                _Material(kept.path, kept.name, "import-zip", f"{kept.name}, uploaded in the browser"), naming, labels
            )


def _folder_form() -> None:
    st.markdown(_LAYOUT)
    kept = upload_field(
        "import-folder",
        "Folder of class folders",
        "folder",
        "Choose the folder that holds the class folders, or the class folders one after the other.",
    )
    st.caption("Each picture travels by itself: 1,400 photos take half a minute. A zip is much faster.")
    labels = _labels_field()
    naming = name_field(kept.name if kept else "")
    if st.button("Import the folder", type="primary", disabled=kept is None, key="import-folder-go") and kept:
        with guarded():
            origin = f"{kept.name or 'A folder'}, uploaded in the browser"
            _start(_Material(kept.path, kept.name, "import-folder", origin), naming, labels)


def _server_form() -> None:
    roots = ", ".join(f"`{root}`" for root in workspace().roots)
    st.markdown(f"A folder or zip on the computer where this app runs. {_LAYOUT}")
    typed = st.text_input(
        "Path of a folder or zip on this computer",
        key="import-path",
        persist_state="session",
        placeholder=str(workspace().roots[0] / "pictures" / "leaves"),
        help="Nothing is uploaded; the pictures are copied, yours stay as they are.",
    )
    st.caption(f"Allowed is what lies in {roots}.")
    labels = _labels_field()
    path_typed = (typed or "").strip().strip("\"'")
    naming = name_field(Path(path_typed).stem if path_typed else "")
    if st.button("Import from there", type="primary", key="import-path-go"):
        with guarded():
            if not path_typed:
                raise ImportRefused("Which folder or zip is it?", hint="Type or paste its whole path above.")
            path = workspace().allowed_path(path_typed)
            if not path.exists():
                raise ImportRefused(
                    "There is no such folder or zip on the computer where the app runs",
                    value=path_typed[:200],
                    hint="Give the whole path, from the root or the drive on.",
                )
            _start(_Material(path, path.stem), naming, labels)


def _labels_field() -> KeptUpload | None:
    """A list of labels, for pictures that do not lie in class folders."""
    with st.expander("My pictures are in one folder, with a list of labels", icon=":material/table_rows:"):
        st.markdown(
            "A table with a line for each picture: the file's name and its class, with a comma, semicolon or tab "
            "between them. Spreadsheet programs save it as CSV."
        )
        st.code(_FORM, language=None)
        st.markdown("A file `labels.csv` that lies beside the pictures is found by itself; otherwise give it here.")
        return upload_field(_LABELS, "List of labels (CSV or text)", "labels", "Lines of file,label.")


def _kaggle_way() -> None:
    request = kaggle_form()
    if request is not None:
        payload = {"slug": request.slug, **_named(request.naming)}
        _queue("kaggle", payload, request.naming, f"{request.dataset} from Kaggle")
        st.rerun()


def _empty_form() -> None:
    st.markdown("Name the classes now, and add their pictures one by one: with the camera, or from files.")
    naming = name_field("", may_replace=False)
    typed = st.text_area(
        "Classes, one a line",
        key="import-classes",
        persist_state="session",
        placeholder="mug\nglass",
        help="At least two are needed for training. You can add and rename classes later.",
    )
    if st.button("Begin the dataset", type="primary", key="import-empty-go"):
        with guarded():
            if not naming.name:
                raise ImportRefused("The new dataset needs a name", hint="Type it in the field Name.")
            names = [line.strip() for line in (typed or "").splitlines() if line.strip()]
            info = create_dataset(workspace(), naming.name, names)
            forget_form()
            open_view(dataset=info.id, grow="camera" if names else "classes")
            st.rerun()


def _start(material: _Material, naming: Naming, labels: KeptUpload | None) -> None:
    """Queues the import of what lies there; uploads are the job's from now on."""
    payload: dict[str, Any] = {"path": str(material.path), **_named(naming)}
    if material.upload:
        payload |= {"remove_after": True, "origin": material.origin}
    if labels is not None:
        payload["labels"] = str(labels.path)
    _queue("import", payload, naming, f"Import of {naming.name}")
    for field in (material.upload, _LABELS):
        hand_over(field)
    st.rerun()


def _named(naming: Naming) -> dict[str, Any]:
    return {"name": naming.name, "new_version": naming.new_version, "audit": True}


def _queue(kind: str, payload: dict[str, Any], naming: Naming, title: str) -> None:
    if not naming.name:
        raise ImportRefused("The new dataset needs a name", hint="Type it in the field Name.")
    follow_job(submit(workspace(), kind, payload, title, dataset=naming.replaced, token=uuid4().hex))


def forget_form() -> None:
    """Empties the fields of a form that has done its work; call it before they are drawn."""
    for key in (NAME, "import-path", "import-classes", "import-slug"):
        st.session_state.pop(key, None)


def waiting_note() -> None:
    """What stands in the place of the form while its import is at work."""
    st.info(
        "You may go on or leave: it continues by itself, and the pictures are shown here once they are checked.",
        icon=":material/hourglass_top:",
    )
