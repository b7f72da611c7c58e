"""What a model says of pictures: asked once a picture and session, drawn as cards, downloaded as CSV."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from typing import Final

import pandas as pd
import streamlit as st

from pages.widgets.pictures import decoder, upload_thumbnail
from pages.widgets.reports import duration_text
from pages.widgets.shell import plain_text, workspace
from tlcore.errors import PictureError, StudioError
from tlcore.jobs.predictions import predict_pictures
from tlcore.runs.folder import RunFolder
from tlcore.serving.bundle import BundleInfo
from tlcore.serving.inputs import Picture
from tlcore.serving.predictor import Prediction, Predictor

MOST_PICTURES: Final = 200

_ANSWERS: Final = "predict-answers"
_SIDE: Final = 240  # pixels, drawn
_COPY: Final = 320  # pixels, kept: up to 200 of them in each session
_COLUMNS: Final = 3
_PAGE: Final = 12
_BARS: Final = 4


@dataclass(frozen=True)
class Batch:
    """The pictures of one source, each to be read before the next is asked for, and how many they are."""

    count: int
    pictures: Iterable[Picture]


@dataclass(frozen=True)
class Source:
    """One upload, camera picture or test picture; a zip holds several pictures.

    Attributes:
        id: Unique and stable in the session.
        name: For messages.
        open: Gives its pictures until the block ends; may raise StudioError.
        truth: What it truly shows, where that is known.
    """

    id: str
    name: str
    open: Callable[[], AbstractContextManager[Batch]]
    truth: str | None = None


@dataclass(frozen=True)
class Answer:
    """One picture with what the model says of it.

    Attributes:
        prediction: Holds the error of a picture that can't be read.
        picture: A small copy; None when the picture can't be read.
        truth: What it truly shows, where that is known.
    """

    prediction: Prediction
    picture: bytes | None
    truth: str | None


@dataclass(frozen=True)
class _Taken:
    source: Source
    picture: bytes | None


def answers_of(run_id: str) -> list[Answer]:
    """What was asked of this run in this session, in order."""
    return [answer for answers in _by_source(run_id).values() for answer in answers]


def forget_answers() -> None:
    """Forgets what was asked of any run."""
    st.session_state.pop(_ANSWERS, None)


def _by_source(run_id: str) -> dict[str, list[Answer]]:
    runs: dict[str, dict[str, list[Answer]]] = st.session_state.setdefault(_ANSWERS, {})
    return runs.setdefault(run_id, {})


def ask(info: BundleInfo, sources: Iterable[Source]) -> None:
    """Asks the model about what is new among the sources, with progress.

    Args:
        info: Of the bundle that answers.
        sources: What is on the page now.

    Raises:
        StudioError: The model can't answer.
    """
    known = _by_source(info.run_id)
    new = [source for source in sources if source.id not in known]
    if not new:
        return
    room = MOST_PICTURES - len(answers_of(info.run_id))
    found: dict[str, list[Answer]] = {source.id: [] for source in new}
    taken: list[_Taken] = []
    bar = st.progress(0.0, text="Opening the pictures")
    with ExitStack() as stack:
        batches = _open_all(new, stack, found)
        total = min(room, sum(batch.count for _, batch in batches))
        started = time.monotonic()
        for done, prediction in enumerate(_predict(info, _pictures(batches, room, taken)), start=1):
            asked = taken[done - 1]
            found[asked.source.id].append(Answer(prediction, asked.picture, asked.source.truth))
            left = (time.monotonic() - started) / done * (total - done)
            text = f"Asking the model: {done:,} of {total:,} pictures"
            bar.progress(min(done / total, 1.0), text=text if left < 1 else f"{text}, about {duration_text(left)} left")
    bar.empty()
    known.update(found)


def _open_all(sources: list[Source], stack: ExitStack, found: dict[str, list[Answer]]) -> list[tuple[Source, Batch]]:
    """Opens the sources until the stack ends; one that can't be opened is an answer too."""
    batches = []
    for source in sources:
        try:
            batches.append((source, stack.enter_context(source.open())))
        except StudioError as error:
            refused = Prediction(file=source.name, label=None, confidence=None, probabilities={}, error=str(error))
            found[source.id].append(Answer(refused, None, None))
    return batches


def _pictures(batches: list[tuple[Source, Batch]], room: int, taken: list[_Taken]) -> Iterator[Picture]:
    """The pictures of all sources, as many as there is room for, noting what was taken."""
    for source, batch in batches:
        for name, read in batch.pictures:
            if len(taken) >= room:
                return
            stamp, again = _read_once(read)
            taken.append(_Taken(source, stamp))
            yield name, again


def _read_once(read: Callable[[], bytes]) -> tuple[bytes | None, Callable[[], bytes]]:
    """A small copy, and a way to read the picture that doesn't unpack it a second time."""
    try:
        data = read()
    except PictureError:
        return None, read  # the model's answer will say why
    return upload_thumbnail(data, _COPY), lambda: data


def _predict(info: BundleInfo, pictures: Iterator[Picture]) -> Iterator[Prediction]:
    if info.engine == "openvino":
        bundle = RunFolder.find(workspace(), info.run_id).bundle
        return _predictor(str(workspace().root), info.run_id, bundle.stat().st_mtime_ns).predict_all(pictures)
    return predict_pictures(workspace(), info.run_id, decoder(), pictures)


# One: each compiled network holds some 40 MB, and loading it again takes a fraction of a second. A run that learned for
# longer has a new bundle.
@st.cache_resource(max_entries=1, show_spinner="Loading the model …")
def _predictor(home: str, run_id: str, changed: int) -> Predictor:  # noqa: ARG001 - home and changed are of the key
    return Predictor.open(workspace(), run_id, decoder().load)


def draw_cards(answers: list[Answer]) -> None:
    """A card for each picture, a page of them at a time."""
    if len(answers) >= MOST_PICTURES:
        st.warning(
            f"At most {MOST_PICTURES} pictures are kept at a time; more are left out. Clear the answers to go on, or "
            "use the command line for large folders.",
            icon=":material/filter_none:",
        )
    pages = -(-len(answers) // _PAGE)
    page = st.pagination(pages, key="predict-page") if pages > 1 else 1
    shown = answers[(page - 1) * _PAGE : page * _PAGE]
    for start in range(0, len(shown), _COLUMNS):
        for column, answer in zip(st.columns(_COLUMNS), shown[start : start + _COLUMNS], strict=False):
            with column, st.container(border=True, height="stretch"):
                _card(answer)


def _card(answer: Answer) -> None:
    prediction = answer.prediction
    if answer.picture is not None:
        said = f", the model says {prediction.label}" if prediction.label else ""
        st.image(answer.picture, width=_SIDE, alt=f"{prediction.file}{said}")
    st.caption(plain_text(prediction.file))
    if prediction.label is None:
        st.error(plain_text(prediction.error or "This picture can't be read."), icon=":material/broken_image:")
        return
    st.subheader(plain_text(prediction.label), anchor=False)
    if answer.truth is not None:
        right = answer.truth == prediction.label
        mark = ":green[:material/check:] Right" if right else ":red[:material/close:] Wrong"
        st.markdown(f"{mark}: it truly is **{plain_text(answer.truth)}**.")
    every = list(prediction.probabilities.items())
    # One more is drawn in place of the words that there is one more.
    drawn = every if len(every) == _BARS + 1 else every[:_BARS]
    for name, probability in drawn:
        st.progress(min(max(probability, 0.0), 1.0), text=f"{plain_text(name)}: {probability:.1%}")
    if rest := every[len(drawn) :]:
        together = max(sum(probability for _, probability in rest), 0.0)
        st.caption(f"The other {len(rest)} classes together: {together:.1%}. The CSV has each of them.")


def table(answers: list[Answer], class_names: Iterable[str]) -> pd.DataFrame:
    """One row a picture: file, answer, its probability, every class's probability, and why a file can't be read."""
    names = list(class_names)
    rows = [
        {"file": one.file, "answer": one.label, "probability": one.confidence}
        | {f"probability of {name}": one.probabilities.get(name) for name in names}
        | {"error": one.error}
        for one in (answer.prediction for answer in answers)
    ]
    return pd.DataFrame(rows)
