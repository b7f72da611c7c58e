"""The parts of the Results page, each from a report."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import pandas as pd
import streamlit as st

from pages.widgets.charts import show_chart
from pages.widgets.option_names import ENGINE_NAMES
from pages.widgets.reports import duration_text, in_words, likely_in_words, setback_in_words, short_name
from pages.widgets.result_time import engine_note, points_text
from pages.widgets.run_moving import whole_run_button
from pages.widgets.shell import plain_text
from pages.widgets.tables import sentence_table
from tlcore.evaluation.report import Report
from tlcore.export.history_csv import history_csv
from tlcore.export.keras_zip import write_keras_zip
from tlcore.plots.confusion import Values, confusion_figure, row_shares
from tlcore.plots.per_class import per_class_figure
from tlcore.plots.theme import count_text
from tlcore.runs.folder import RunFolder

_TALL = 640
_CELLS: Final[dict[Values, str]] = {"counts": "Pictures", "shares": "% of the true class"}
_PREDICTS: Final = {"openvino": "OpenVINO", "keras": "Keras"}
_CLASSES_BEFORE_SCROLLING = 14


def headline(report: Report) -> None:
    """The one figure in words, before and after, and whether training ended as planned."""
    with st.container(border=True):
        st.markdown(f"### {in_words(report.test)}")
        st.markdown(
            f"{likely_in_words(report.test).capitalize()}, if they are like these. "
            ":gray[(95% interval; more test pictures make it narrower)]"
        )
        columns = st.columns(4)
        goes_on = report.config.from_run is not None
        columns[0].metric(
            "Before fine-tuning" if goes_on else "Before training",
            f"{report.baseline.accuracy:.1%}",
            help="The same test pictures with the earlier run's model, which this run goes on from."
            if goes_on
            else "The same test pictures before anything was learned: about what guessing gives.",
        )
        lift = 100 * (report.test.accuracy - report.baseline.accuracy)
        columns[1].metric(
            "After training",
            f"{report.test.accuracy:.1%}",
            f"{lift:+.1f} points",
            delta_color="normal" if abs(lift) >= 0.05 else "off",
            delta_arrow="auto" if abs(lift) >= 0.05 else "off",
            help="Test pictures, which took no part in training or choosing.",
        )
        columns[2].metric(
            "Validation",
            f"{report.validation.accuracy:.1%}",
            help="The pictures by which the best round was chosen. Runs are compared by these.",
        )
        columns[3].metric(
            "Time",
            duration_text(report.seconds.total),
            help="From start to end, without the earlier run." if goes_on else "From start to end.",
        )
        if goes_on:
            st.caption(f"It goes on from the frozen run {report.config.from_run}.")
    if report.stopped_early:
        st.info(plain_text(report.stopped_early), icon=":material/flag:")
    if setback := setback_in_words(report):
        st.warning(setback, icon=":material/trending_down:")
    if report.test.count < 100:
        pictures = "one test picture" if report.test.count == 1 else f"{report.test.count} test pictures"
        st.caption(f"Only {pictures}: a single one more or less changes the figure visibly.")
    if untested := [name for name, score in report.per_class.items() if not score.count]:
        st.warning(
            f"No test picture shows {plain_text(', '.join(untested))}: the result says nothing about that.",
            icon=":material/warning:",
        )


def confusion_part(report: Report) -> None:
    """Which classes are taken for which."""
    st.subheader("Which classes are mixed up")
    st.caption("A row for each true class, a column for each answer: what is right lies on the diagonal.")
    values = st.segmented_control(
        "Show",
        list(_CELLS),
        format_func=_CELLS.__getitem__,
        default="counts",
        required=True,
        key="results-cells",
    )
    figure = confusion_figure(
        report.confusion, report.class_names, values or "counts", dark=st.context.theme.type == "dark"
    )
    matrix = report.confusion if values == "counts" else row_shares(report.confusion)
    data = pd.DataFrame([list(row) for row in matrix], columns=list(report.class_names))
    data.insert(0, "truth", report.class_names)
    show_chart(
        figure, data, key="results-confusion", file_name=f"{report.run_id}-confusion.csv", alt=_worst_confusion(report)
    )


def _worst_confusion(report: Report) -> str:
    names = report.class_names
    wrong = [
        (count, row, column)
        for row, counts in enumerate(report.confusion)
        for column, count in enumerate(counts)
        if row != column and count
    ]
    if not wrong:
        return "Confusion matrix: no test picture was taken for another class"
    count, row, column = max(wrong)
    return f"Confusion matrix; the most frequent mistake is {names[row]} taken for {names[column]}, {count} times"


def per_class_part(report: Report) -> None:
    """Precision, recall and F1 of each class."""
    st.subheader("Class by class")
    st.caption("The class with the lowest scores is on top. Classes with few test pictures jump about.")
    scores = {name: score.model_dump() for name, score in report.per_class.items()}
    data = pd.DataFrame([{"class": name, **score} for name, score in scores.items()])
    many = len(scores) > _CLASSES_BEFORE_SCROLLING
    with st.container(height=_TALL if many else "content", border=False):
        show_chart(
            per_class_figure(scores),
            data,
            key="results-classes",
            file_name=f"{report.run_id}-classes.csv",
            alt="Precision, recall and F1 of each class, the hardest first",
        )


def details_part(report: Report) -> None:
    """Parameters, rounds, pictures and what computed."""
    with st.expander("Details: parameters, engine, versions", icon=":material/info:"):
        learned = report.parameters
        rows = {
            "Weights in all": f"{learned.total:,} ({count_text(learned.total)})",
            "Weights that learned in the last phase": f"{learned.trainable:,} ({count_text(learned.trainable)})",
            "Rounds done": ", ".join(
                f"{count} {phase.replace('_', '-')}" for phase, count in report.epochs.model_dump().items() if count
            )
            or "none",
            "Pictures": f"{report.dataset.train:,} to learn from, {report.dataset.validation:,} to choose by, "
            f"{report.dataset.test:,} to test with",
            "Computed on": f"{report.engine.device}, {report.engine.precision}" + _features_by(report),
            "Predictions by": _PREDICTS[report.engine.predictions],
            "Compared with the Keras model": _agreement(report),
            "Loss on the test pictures": f"{report.baseline.loss:.4f} before, {report.test.loss:.4f} after",
            "Versions": ", ".join(f"{name} {version}" for name, version in report.versions.items()),
        }
        for note in report.engine.notes:
            if note.removesuffix(".") != engine_note(report):  # that one is told with the time
                st.caption(plain_text(note))
        sentence_table(_two_columns(rows), "results-details")


def _features_by(report: Report) -> str:
    if report.cache.features == "none" and report.cache.trunk == "none":
        return ""
    engine = report.engine
    return f"; features by {ENGINE_NAMES.get(engine.features, engine.features)}, {engine.precision_features}"


def _agreement(report: Report) -> str:
    if report.agreement is None:
        return "it is the Keras model"
    agreement = report.agreement
    whole = agreement.same_answer == agreement.compared
    same = "all" if whole else f"{agreement.same_answer:,} of"
    return (
        f"the same answer on {same} {agreement.compared:,} test pictures; probabilities differ by "
        f"{points_text(agreement.largest_difference)}"
    )


def _two_columns(rows: dict[str, str]) -> pd.DataFrame:
    return pd.DataFrame({"what": list(rows), "value": list(rows.values())})


def file_stem(report: Report) -> str:
    """What the model's file is called; the same name is offered when it is brought back."""
    return re.sub(r"[^\w.-]+", "-", f"{report.dataset.name} {short_name(report)}").strip("-.")


def downloads_part(report: Report, folder: RunFolder) -> None:
    """The model, the history and the report. The model's zip is made when its button is pressed."""
    st.subheader("Take it with you")
    with st.container(horizontal=True):
        st.download_button(
            "Model (zip)",
            data=partial(_zip_bytes, folder.path),
            file_name=f"{file_stem(report)}.zip",
            mime="application/zip",
            key="results-zip",
            icon=":material/deployed_code:",
            on_click="ignore",
            help="The Keras model with its preprocessing inside, the class names and a short how-to. "
            "The Predict page takes it back.",
        )
        st.download_button(
            "History (CSV)",
            data=history_csv(report.history).encode(),
            file_name=f"{report.run_id}-history.csv",
            mime="text/csv",
            key="results-history",
            icon=":material/show_chart:",
            on_click="ignore",
            help="Loss, accuracy, learning rate and time of every round.",
        )
        st.download_button(
            "Report (JSON)",
            data=report.without_places().model_dump_json(indent=2).encode(),
            file_name=f"{report.run_id}-report.json",
            mime="application/json",
            key="results-report",
            icon=":material/description:",
            on_click="ignore",
            help="Everything on this page, for programs.",
        )
        whole_run_button(report.run_id)


def _zip_bytes(folder: Path) -> bytes:
    with TemporaryDirectory() as place:
        return write_keras_zip(folder, Path(place) / "model.zip").read_bytes()
