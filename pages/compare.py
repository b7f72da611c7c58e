"""Finished runs side by side; the bin; and a run that comes from another machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from pages.widgets.charts import show_chart
from pages.widgets.later import in_view
from pages.widgets.modes import MODE_NAMES
from pages.widgets.reports import Finished, backbone_name, duration_text, finished_runs, unique_names
from pages.widgets.run_bin import put_away, show_bin, show_moved
from pages.widgets.run_filter import filter_by_words, forget_filter
from pages.widgets.run_moving import bring_in_section, show_arriving
from pages.widgets.run_words import edit_button, show_refusal, tag_badges
from pages.widgets.shell import guarded, next_step, page_header, plain_text, workspace
from tlcore.config import Mode
from tlcore.evaluation.report import Report
from tlcore.plots.compare import RunCurve, RunPoint, accuracy_time_figure, overlay_figure
from tlcore.plots.history import MEASURES

_MOST_DRAWN = 12
_TICKED_AT_FIRST = 6
_EVERY = ""


def show_page() -> None:
    """The finished runs; below them what is not among them: the bin, and the way in for a run from elsewhere."""
    page_header("Compare", "See which model, mode and settings served your pictures best.")
    with guarded():
        show_moved()
        show_refusal()
        show_arriving()
    with guarded():
        runs = finished_runs(workspace())
        if runs:
            show_runs(runs)
        else:
            show_empty("There is no finished run yet.")
    st.space("small")
    with guarded():
        show_bin()
        bring_in_section()


def show_runs(runs: Sequence[Finished]) -> None:
    """The table of runs, then charts of those that are ticked in it."""
    alike = filter_by_dataset(runs)
    shown = filter_by_words(alike)
    if not shown:
        st.info("No run has all of these words and tags.", icon=":material/search_off:")
        st.button("Show all runs", on_click=forget_filter, key="compare-all")
        return
    ranked = sorted(shown, key=lambda run: run.report.validation.accuracy, reverse=True)
    chosen = choose_from_table(ranked)
    if len(alike) < 2:
        show_empty("There is one finished run, and comparing takes two.")
    if len(chosen) > _MOST_DRAWN:
        st.caption(f"The charts show the first {_MOST_DRAWN} of the {len(chosen)} ticked runs.")
        chosen = chosen[:_MOST_DRAWN]
    if chosen:
        show_comparison(chosen)


def show_empty(reason: str) -> None:
    """What belongs here and how to get it."""
    st.info(
        f"{reason} Tick several modes or several pretrained models on the Model page: they are trained one after "
        "another on the same pictures and meet here. Frozen, fine-tuned and from scratch side by side show what "
        "transfer learning brings.",
        icon=":material/compare_arrows:",
    )
    next_step("Set up a comparison", "pages/model.py")


def filter_by_dataset(runs: Sequence[Finished]) -> list[Finished]:
    """Runs of one dataset, or of all; the address keeps which."""
    names = {run.report.dataset.id: run.report.dataset.name for run in runs}
    if len(names) < 2:
        return list(runs)
    options = [*names, _EVERY]
    asked = st.query_params.get("dataset", runs[0].report.dataset.id)
    index = options.index(asked) if asked in options else 0
    chosen = st.selectbox(
        "Pictures",
        options,
        index=index,
        format_func=lambda dataset: f"{names[dataset]} ({dataset})" if dataset else "all datasets",
        key="compare-dataset",
        help="Figures of different pictures say nothing about each other.",
    )
    keep_in_address("dataset", chosen)
    return [run for run in runs if chosen in (_EVERY, run.report.dataset.id)]


def choose_from_table(ranked: Sequence[Finished]) -> list[Finished]:
    """All runs, the best by validation on top; ticking chooses which are drawn. The address keeps the choice."""
    ids = [run.record.id for run in ranked]
    asked = st.query_params.get("runs")
    wanted = asked.split(",") if asked is not None else ticked_at_first(ranked)
    event = st.dataframe(
        pd.DataFrame([_row(run) for run in ranked]),
        # Another list of runs is another table: row numbers of the old one mean nothing in it.
        key=f"compare-table-{hash(tuple(ids))}",
        hide_index=True,
        height="content" if len(ranked) <= 10 else 386,
        on_select="rerun",
        selection_mode="multi-row",
        selection_default={
            "selection": {"rows": [ids.index(one) for one in wanted if one in ids], "columns": [], "cells": []}
        },
        alt="Finished runs with mode, backbone, weights that learn, time and accuracy, best validation first",
        column_config=_columns(),
    )
    st.caption(
        "Ranked by validation accuracy, not by test accuracy: whoever picks the best of many runs by the test pictures "
        "has begun to fit to them, and the figure is no longer honest. Where the intervals overlap, the "
        "difference may be luck."
    )
    rows = [row for row in event.selection.rows if row < len(ranked)]
    chosen = [ranked[row] for row in sorted(rows)]
    keep_in_address("runs", ",".join(run.record.id for run in chosen))
    return chosen


def mode_text(report: Report) -> str:
    """The mode, and what makes a run hard to compare: it was stopped, or another run's training is part of it."""
    words = [MODE_NAMES[report.mode]]
    if report.config.from_run is not None:
        words.append("on an earlier run")
    if report.state == "stopped":
        words.append("stopped")
    return ", ".join(words)


def ticked_at_first(ranked: Sequence[Finished]) -> list[str]:
    """The best run of each mode, so that modes stand side by side, and the best of the rest."""
    best: dict[Mode, str] = {}
    for run in ranked:
        best.setdefault(run.report.mode, run.record.id)
    return list(dict.fromkeys([*best.values(), *(run.record.id for run in ranked)]))[:_TICKED_AT_FIRST]


def keep_in_address(name: str, value: str) -> None:
    """Puts a choice into the address, so that it can be linked; the address is left alone where it has it already."""
    if st.query_params.get(name) != value:
        st.query_params[name] = value


def _row(run: Finished) -> dict[str, object]:
    report = run.report
    low, high = (100 * end for end in report.test.accuracy_ci95)
    return {
        "Name": run.record.title,
        "Mode": mode_text(report),
        "Backbone": backbone_name(report.backbone),
        "Validation": 100 * report.validation.accuracy,
        "Test": 100 * report.test.accuracy,
        "Likely on new ones": f"{low:.0f} to {high:.0f}%",
        "Learning weights": report.parameters.trainable,
        "Time": report.seconds.total,
        "Pictures": report.dataset.name,
        "Size": report.config.image_size,
        "Seed": report.config.seed,
        "Started": run.record.created,
        "Ended": "stopped" if report.state == "stopped" else "early" if report.stopped_early else "as planned",
        "Tags": list(run.record.tags),
        "Note": " ".join(run.record.note.split()),
    }


def _columns() -> dict[str, Any]:
    return {
        "Name": st.column_config.TextColumn(pinned=True, width="medium"),
        "Validation": st.column_config.NumberColumn(format="%.1f%%", help="Accuracy by which runs are ranked."),
        "Test": st.column_config.NumberColumn(format="%.1f%%", help="Accuracy on pictures that chose nothing."),
        "Likely on new ones": st.column_config.TextColumn(help="95% interval of the test accuracy."),
        "Learning weights": st.column_config.NumberColumn(
            format="localized", help="Weights that the last phase trained."
        ),
        "Time": st.column_config.NumberColumn(format="%.0f s", help="From start to end."),
        "Size": st.column_config.NumberColumn("Picture size", format="%d px"),
        "Started": st.column_config.DatetimeColumn(format="D MMM, HH:mm"),
        "Tags": st.column_config.ListColumn(),
        "Note": st.column_config.TextColumn(width="medium"),
    }


def show_comparison(chosen: Sequence[Finished]) -> None:
    """The three modes, the charts and the results of the ticked runs."""
    uses = {(run.report.dataset.id, run.report.dataset.fingerprint, run.report.dataset.test_dataset) for run in chosen}
    if len({dataset for dataset, _, _ in uses}) > 1:
        st.warning(
            "These runs learned from different datasets, so their figures can't be compared: one set of pictures may "
            "simply be harder. Choose one dataset above.",
            icon=":material/warning:",
        )
    elif len(uses) > 1:
        st.warning(
            "These runs were tested on different pictures: the dataset changed meanwhile, or a separate test set was "
            "used. Compare their figures with care.",
            icon=":material/warning:",
        )
    names = unique_names(chosen)
    if len(uses) == 1:
        show_modes(chosen)
    if in_view("compare-charts-later", 1000):
        show_charts(chosen, names)
    st.subheader("Results of each")
    for name, run in zip(names, chosen, strict=True):
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            tags = f" {tag_badges(run.record)}" if run.record.tags else ""
            st.markdown(f"**{plain_text(name)}**{tags}")  # it wraps where a link would be cut off
            st.page_link(
                "pages/results.py", label="Open", icon=":material/insights:", query_params={"run": run.record.id}
            )
            edit_button(run.record, "Edit")
            st.button(
                "To the bin",
                icon=":material/delete:",
                type="tertiary",
                key=f"bin-{run.record.id}",
                help="It can be taken back.",
                on_click=put_away,
                args=(run.record.id,),
            )


def show_charts(chosen: Sequence[Finished], names: Sequence[str]) -> None:
    """The curves of the ticked runs, and accuracy against time."""
    st.subheader("Validation curves")
    curves = [
        RunCurve(name, [row.model_dump(mode="json") for row in run.report.history])
        for name, run in zip(names, chosen, strict=True)
    ]
    data = pd.DataFrame([{"run": curve.name, **row} for curve in curves for row in curve.rows])
    for column, measure in zip(st.columns(2), MEASURES, strict=True):
        with column:
            show_chart(
                overlay_figure(curves, measure),
                data,
                key=f"compare-{measure}",
                file_name="compare-history.csv",
                alt=f"Validation {measure} by epoch of {len(curves)} runs",
            )
    if any(run.report.mode is Mode.FINE_TUNE for run in chosen):
        st.caption("A large hollow mark: there fine-tuning begins.")
    st.subheader("Accuracy against time")
    points = [_point(name, run) for name, run in zip(names, chosen, strict=True)]
    show_chart(
        accuracy_time_figure(points),
        pd.DataFrame([vars(point) for point in points]),
        key="compare-time",
        file_name="compare-time.csv",
        alt="Test accuracy with its 95% interval against the time each run took",
    )


def _point(name: str, run: Finished) -> RunPoint:
    report = run.report
    low, high = report.test.accuracy_ci95
    return RunPoint(name, report.seconds.total, report.test.accuracy, low, high)


def show_modes(chosen: Sequence[Finished]) -> None:
    """The best run of each mode side by side, best by validation."""
    best: dict[Mode, Finished] = {}
    # Ranked already: the first of a mode is its best. A run that was stopped only stands in where there is no other.
    for run in sorted(chosen, key=lambda run: run.report.state == "stopped"):
        best.setdefault(run.report.mode, run)
    if len(best) < 2:
        return
    st.subheader("Mode by mode")
    for column, mode in zip(st.columns(3), (Mode.SCRATCH, Mode.FROZEN, Mode.FINE_TUNE), strict=True):
        with column, st.container(border=True, height="stretch"):
            st.markdown(f"**{MODE_NAMES[mode].capitalize()}**")
            if mode not in best:
                st.caption("Not among the ticked runs.")
                continue
            report = best[mode].report
            low, high = (100 * end for end in report.test.accuracy_ci95)
            st.metric("Test accuracy", f"{report.test.accuracy:.1%}", help="Of the best of this mode by validation.")
            time = duration_text(report.seconds.total)
            if report.config.from_run is not None:
                time += " on top of the earlier run's time"
            if report.state == "stopped":
                time += ", stopped"
            st.caption(
                f"likely {low:.0f} to {high:.0f}%; {backbone_name(report.backbone)}; "
                f"{report.parameters.trainable:,} weights learned; {time}"
            )


show_page()
