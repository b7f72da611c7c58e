"""Loss, accuracy and learning rate of one run, as charts side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from pages.widgets.charts import show_chart
from tlcore.config import EarlyStoppingConfig
from tlcore.plots.history import MEASURES, batch_figure, epoch_figure, learning_rate_figure
from tlcore.training.history import best_row

Rows = Sequence[Mapping[str, Any]]


def epoch_charts(rows: Rows, stopping: EarlyStoppingConfig, run_id: str, prefix: str) -> None:
    """Loss and accuracy by epoch; they stand one under the other on a narrow screen.

    Args:
        rows: The history by epoch.
        stopping: By what the best epoch is chosen.
        run_id: For the names of the CSV files.
        prefix: Makes the keys unique on the page.
    """
    best = best_row(rows, stopping.monitor, restore=stopping.restore_best)
    data = pd.DataFrame(rows)
    for column, measure in zip(st.columns(2), MEASURES, strict=True):
        with column:
            show_chart(
                epoch_figure(rows, measure, best),
                data,
                key=f"{prefix}-{measure}",
                file_name=f"{run_id}-history.csv",
                alt=f"{measure} by epoch, training and validation; {_last(rows, measure)}",
            )


def batch_charts(rows: Rows, run_id: str, prefix: str) -> None:
    """Loss and accuracy by batch; only training has batches."""
    data = pd.DataFrame(rows)
    for column, measure in zip(st.columns(2), MEASURES, strict=True):
        with column:
            show_chart(
                batch_figure(rows, measure),
                data,
                key=f"{prefix}-batch-{measure}",
                file_name=f"{run_id}-batches.csv",
                alt=f"Training {measure} by batch",
            )


def rate_section(rows: Rows, run_id: str, prefix: str) -> None:
    """The learning rate by epoch, folded away; drawn once somebody unfolds it."""
    section = st.expander("Learning rate", icon=":material/speed:", key=f"{prefix}-rate-open", on_change="rerun")
    if not section.open:
        return
    with section:
        show_chart(
            learning_rate_figure(rows),
            pd.DataFrame(rows)[["phase", "epoch", "learning_rate"]],
            key=f"{prefix}-rate",
            file_name=f"{run_id}-learning-rate.csv",
            alt="Learning rate by epoch",
        )


def _last(rows: Rows, measure: str) -> str:
    value = rows[-1][f"val_{measure}"] if rows else None
    return "no epoch yet" if value is None else f"last validation {measure} {value:.3g}"
