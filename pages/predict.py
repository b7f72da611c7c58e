"""Asking a trained model about new pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path, PurePosixPath
from uuid import uuid4

import streamlit as st
from streamlit.typing import UploadedFile

from pages.widgets.answers import MOST_PICTURES, Batch, Source, answers_of, ask, draw_cards, forget_answers, table
from pages.widgets.charts import csv_bytes
from pages.widgets.jobs import watch_job
from pages.widgets.pictures import upload_thumbnail
from pages.widgets.reports import in_words, read_report
from pages.widgets.run_titles import run_titles
from pages.widgets.sharing import share_button, shared_list
from pages.widgets.shell import current_run, guarded, next_step, page_header, plain_text, show_error, workspace
from pages.widgets.uploads import keep_upload
from tlcore import modes
from tlcore.errors import RunError, StudioError
from tlcore.images.decode import EXTENSIONS
from tlcore.jobs.quickstart import held_out_picture
from tlcore.jobs.service import read_error, read_result, submit
from tlcore.runs.folder import RunFolder
from tlcore.runs.record import JobRecord
from tlcore.runs.registry import Registry
from tlcore.runs.states import State
from tlcore.serving.bundle import DESCRIPTION, BundleInfo, read_info
from tlcore.serving.inputs import pictures_from_zip

_ROUND = "predict-round"
_HELD_OUT = "predict-held-out"
_WAYS = {"pictures": "Pictures or a zip", "folder": "A folder", "camera": "Camera"}
_NEEDS = {"pictures": modes.Source.UPLOADS, "folder": modes.Source.UPLOADS, "camera": modes.Source.CAMERA}
_STAMP = 112
_STRIDE = 37  # test pictures lie class by class: the next one on offer should be of another class


def show_page() -> None:
    """Which model, which pictures, what it says."""
    page_header("Predict", "Ask a model that you trained what is on new pictures.")
    with guarded():
        show_restoring()
    runs = runs_with_model()
    if not runs:
        back = ", or bring back one that you downloaded" if workspace().policy.models_from_files else ""
        st.info(
            "Here a trained model names your pictures. There is no trained model yet: train one, it takes a minute "
            f"with the sample{back}.",
            icon=":material/image_search:",
        )
        next_step("Go to the start", "pages/home.py")
    else:
        with guarded():
            show_chosen(runs)
    with guarded():
        shared_list("run")
    restore_section()


def runs_with_model() -> dict[str, JobRecord]:
    """Ended trainings that left a model to predict with, by id: completed ones, then stopped ones, the newest first."""
    able = [
        record
        for record in Registry(workspace()).list("train", archived=False)
        if record.state.ended and (RunFolder(workspace().runs / record.id).bundle / DESCRIPTION).is_file()
    ]
    return {record.id: record for record in sorted(able, key=lambda record: record.state is not State.COMPLETED)}


def run_label(record: JobRecord, title: str) -> str:
    """A run's title with its date, whether it was stopped, and how good it is."""
    words = [title]
    if record.state is State.STOPPED:
        words.append("stopped")
    with suppress(StudioError):  # the Results page says what is wrong with a damaged report
        words.append(in_words(read_report(RunFolder(workspace().runs / record.id).report).test))
    return ", ".join(words)


def show_chosen(runs: dict[str, JobRecord]) -> None:
    """The run that the address names, else the newest."""
    asked = current_run() or next(iter(runs))
    if asked in runs:
        info = choose_run(runs, asked)
        share_button("run", info.run_id, runs[info.run_id].title)
        show_model(info)
        return
    show_error(
        RunError(
            "The run in this page's address has no model to predict with",
            value=asked[:200],
            hint="It may still be at work, have failed, lie in the bin, or be deleted. Choose another one.",
        )
    )
    st.button("Use the newest model", on_click=_use_newest, key="predict-newest")


def choose_run(runs: dict[str, JobRecord], asked: str) -> BundleInfo:
    """Which run answers; the address follows."""
    st.session_state["predict-run"] = asked
    titles = run_titles(runs.values())
    labels = {run_id: run_label(record, titles[run_id]) for run_id, record in runs.items()}
    st.selectbox(
        "Model that answers",
        list(runs),
        format_func=labels.__getitem__,
        key="predict-run",
        on_change=_follow,
        args=(tuple(runs),),
        help="Every finished training is listed, the newest first; those that were stopped come last.",
    )
    return read_info(RunFolder.find(workspace(), st.session_state["predict-run"]).bundle)


def _use_newest() -> None:
    st.query_params.pop("run", None)


def _follow(known: tuple[str, ...]) -> None:
    """Leads to the run that was picked; a text that no run has any more leads nowhere."""
    if st.session_state["predict-run"] in known:
        st.query_params["run"] = st.session_state["predict-run"]


def show_model(info: BundleInfo) -> None:
    """Pictures in, answers out."""
    st.caption(f"It knows {len(info.class_names)} classes: {plain_text(', '.join(info.class_names[:20]))}.")
    sources = held_out(info.run_id)
    sources += chosen_pictures()
    with guarded():
        ask(info, sources)
    answers = answers_of(info.run_id)
    if not answers:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader("Answers", anchor=False)
        st.download_button(
            "All as CSV",
            data=lambda: csv_bytes(table(answers, info.class_names)),
            file_name=f"answers-{info.run_id}.csv",
            mime="text/csv",
            icon=":material/download:",
            on_click="ignore",
            key="predict-csv",
        )
        st.button("Clear", icon=":material/clear_all:", type="tertiary", on_click=_clear, key="predict-clear")
    draw_cards(answers)


def _clear() -> None:
    forget_answers()
    st.session_state.pop(_HELD_OUT, None)
    st.session_state[_ROUND] = st.session_state.get(_ROUND, 0) + 1


def held_out(run_id: str) -> list[Source]:
    """Offers a test picture that the model never saw, to try it with one click; returns those that were asked about."""
    asked: dict[str, int] = st.session_state.setdefault(_HELD_OUT, {})
    number = asked.get(run_id, 0)
    try:
        offered = held_out_picture(workspace(), run_id, _STRIDE * number)
    except StudioError:
        return []  # a model that was brought back has no test pictures here
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        stamp = upload_thumbnail(offered.data, 2 * _STAMP)
        if stamp is not None:
            st.image(stamp, width=_STAMP, alt="A test picture that the model never saw")
        with st.container(width=400):
            st.markdown("A test picture that the model never saw. What is it?")
            st.button(
                "Ask the model" if not number else "Ask about this one too",
                type="primary" if not number else "secondary",
                icon=":material/image_search:",
                key="predict-ask",
                on_click=_ask_next,
                args=(run_id,),
            )
    return [_held_out_source(run_id, number) for number in range(number)]


def _ask_next(run_id: str) -> None:
    asked: dict[str, int] = st.session_state[_HELD_OUT]
    asked[run_id] = asked.get(run_id, 0) + 1


def _held_out_source(run_id: str, number: int) -> Source:
    picture = held_out_picture(workspace(), run_id, _STRIDE * number)
    return Source(
        f"held-out-{number}", picture.key, partial(_one, picture.key, lambda: picture.data), picture.class_name
    )


def chosen_pictures() -> list[Source]:
    """What was uploaded or photographed."""
    ways = [way for way in _WAYS if workspace().allows(_NEEDS[way])]
    if not ways:
        st.caption("Bringing pictures is switched off here.")
        return []
    way = st.segmented_control(
        "Ask about",
        ways,
        format_func=_WAYS.__getitem__,
        default=ways[0],
        required=True,
        key="predict-way",
        persist_state="session",
    )
    if way == "camera":
        taken = st.camera_input(
            "Take a picture", key=_key("camera"), help="It stays on the computer where the app runs."
        )
        return [] if taken is None else [_picture(taken)]
    if way == "folder":
        uploads = st.file_uploader(
            "Folder of pictures",
            accept_multiple_files="directory",
            key=_key("folder"),
            help=f"At most {MOST_PICTURES} pictures at a time. A zip travels faster.",
        )
        return [_picture(upload) for upload in uploads if not PurePosixPath(upload.name).name.startswith(".")]
    uploads = st.file_uploader(
        "Pictures, or a zip of pictures",
        type=[*sorted(extension.removeprefix(".") for extension in EXTENSIONS), "zip"],
        accept_multiple_files=True,
        key=_key("pictures"),
        help=f"At most {MOST_PICTURES} pictures at a time.",
    )
    archives = [upload for upload in uploads if upload.name.lower().endswith(".zip")]
    # Single pictures first: a large archive must not take all the room.
    return [_picture(upload) for upload in uploads if upload not in archives] + [
        _archive(zipped) for zipped in archives
    ]


def _key(name: str) -> str:
    """A new key once the answers are cleared: the uploads go with them."""
    return f"predict-{name}-{st.session_state.get(_ROUND, 0)}"


def _picture(upload: UploadedFile) -> Source:
    return Source(upload.file_id, upload.name, partial(_one, upload.name, upload.getvalue))


def _one(name: str, read: Callable[[], bytes]) -> AbstractContextManager[Batch]:
    return nullcontext(Batch(1, [(name, read)]))


def _archive(upload: UploadedFile) -> Source:
    return Source(upload.file_id, upload.name, partial(_open_archive, upload))


@contextmanager
def _open_archive(upload: UploadedFile) -> Iterator[Batch]:
    path = keep_upload(workspace(), upload)
    try:
        # Listing reads no picture, so it is cheap to do twice.
        count = sum(1 for _ in pictures_from_zip(path, workspace().limits))
        pictures = pictures_from_zip(path, workspace().limits)
        yield Batch(count, ((upload.name + name.removeprefix(path.name), read) for name, read in pictures))
    finally:
        path.unlink(missing_ok=True)


def restore_section() -> None:
    """A model that was downloaded can be brought back, where models may be loaded from files."""
    if not (workspace().policy.models_from_files and workspace().allows(modes.Source.UPLOADS)):
        return
    with st.expander("Use a model that you downloaded", icon=":material/settings_backup_restore:"):
        st.markdown("The zip from a Results page holds the whole model. It becomes a run here and predicts the same.")
        upload = st.file_uploader(
            "Downloaded model", type="zip", key=_key("model"), help="A zip made by this studio, on any computer."
        )
        name = st.text_input(
            "Name",
            key=_key("model-name"),
            placeholder="as the file is called",
            help="What the model will be called in the list of runs.",
        )
        if st.button("Bring it back", disabled=upload is None, key="predict-restore") and upload:
            with guarded():
                _restore(upload, name or Path(upload.name).stem)


def _restore(upload: UploadedFile, name: str) -> None:
    payload = {"path": str(keep_upload(workspace(), upload)), "name": name, "remove_after": True}
    st.query_params["restore"] = submit(workspace(), "restore", payload, f"Bring back {name}", token=uuid4().hex)
    st.session_state[_ROUND] = st.session_state.get(_ROUND, 0) + 1
    st.rerun()


def show_restoring() -> None:
    """The model that is being brought back; once it is there, it answers."""
    job = st.query_params.get("restore")
    if job is None:
        return
    view = watch_job(job)
    if not view.state.ended:
        return
    del st.query_params["restore"]
    if view.state is State.COMPLETED:
        st.query_params["run"] = read_result(workspace(), job)["run_id"]
        st.success("The model is back and answers below.", icon=":material/check_circle:")
    elif view.state is State.STOPPED:
        st.info("It was stopped; nothing was kept.", icon=":material/stop_circle:")
    else:
        raise read_error(workspace(), job)


show_page()
