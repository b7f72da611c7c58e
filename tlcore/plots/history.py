"""How loss, accuracy and learning rate went: by epoch and by batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import plotly.graph_objects as go

from tlcore.plots import theme

Measure = Literal["loss", "accuracy"]
MEASURES: Final[tuple[Measure, ...]] = ("loss", "accuracy")
Row = Mapping[str, Any]
"""One line of a history, with the keys of an `epoch` event (phase, epoch, loss, accuracy, val_loss, val_accuracy,
learning_rate) or of a `batch` event (phase, epoch, batch, loss, accuracy)."""

PHASE_NAMES: Final = {"scratch": "from scratch", "frozen": "new last layer", "fine_tune": "fine-tuning"}

_TITLES: Final = {"loss": "loss (cross-entropy)", "accuracy": "accuracy"}
_HEIGHT = 330
_MOST_BATCHES = 600


def epoch_figure(rows: Sequence[Row], measure: Measure, best: int | None = None) -> go.Figure:
    """Training and validation, by epoch, with a line where fine-tuning starts and a star at the best epoch.

    Args:
        rows: The history by epoch; epochs count from 1 within each phase and are drawn one after another.
        measure: Which figure to draw.
        best: Index of the row to mark, from `tlcore.training.history.best_row`.
    """
    figure = go.Figure()
    epochs = list(range(1, len(rows) + 1))
    about = [_place(row) for row in rows]
    for index, (key, name) in enumerate(((measure, "training"), (f"val_{measure}", "validation"))):
        look = theme.series_line(index)
        figure.add_trace(
            go.Scatter(
                x=epochs,
                y=[row[key] for row in rows],
                name=name,
                mode="lines+markers" if len(rows) <= 60 else "lines",
                line={"color": look.color, "dash": look.dash, "width": 2},
                marker={"symbol": look.symbol, "size": 7},
                customdata=about,
                hovertemplate=f"{name} {measure} %{{y{_number(measure)}}}<br>%{{customdata}}<extra></extra>",
            )
        )
    if best is not None:
        figure.add_trace(_best_mark(rows, best, measure))
    for start in phase_starts(rows):
        _mark_start(figure, start + 0.5)
    _finish(figure, measure, "epoch", [row[key] for row in rows for key in (measure, f"val_{measure}")])
    if len(rows) <= 12:
        figure.update_xaxes(dtick=1)
    figure.update_xaxes(range=[0.6, max(len(rows), 2) + 0.4])
    return figure


def batch_figure(rows: Sequence[Row], measure: Measure, smooth: int = 0) -> go.Figure:
    """Training by batch, with a smoothed line over it: single batches jump.

    Args:
        rows: The history by batch, whole phases one after another.
        measure: Which figure to draw.
        smooth: Batches in the moving average; 0 chooses a twentieth of what is shown.
    """
    values = [float(row[measure]) for row in rows]
    window = smooth or max(len(rows) // 20, 3)
    averages = moving_average(values, window)
    step = max(len(rows) // _MOST_BATCHES, 1)
    shown = list(range(0, len(rows), step))
    about = [f"{_place(rows[index])}, batch {rows[index]['batch']}" for index in shown]
    figure = go.Figure()
    for index, (name, series) in enumerate((("each batch", values), (f"average of {window}", averages))):
        look = theme.series_line(index)
        figure.add_trace(
            go.Scatter(
                x=[place + 1 for place in shown],
                y=[series[place] for place in shown],
                name=name,
                mode="markers" if index == 0 else "lines",
                line={"color": look.color, "width": 2},
                marker={"symbol": look.symbol, "size": 4, "color": look.color, "opacity": 0.6},
                customdata=about,
                hovertemplate=f"{name}: {measure} %{{y{_number(measure)}}}<br>%{{customdata}}<extra></extra>",
            )
        )
    for start in phase_starts(rows):
        _mark_start(figure, start + 0.5)
    _finish(figure, measure, "batches, in order", values)
    return figure


def learning_rate_figure(rows: Sequence[Row]) -> go.Figure:
    """The learning rate of each epoch, on a logarithmic axis: the phases differ a hundredfold."""
    look = theme.series_line(2)
    figure = go.Figure(
        go.Scatter(
            x=list(range(1, len(rows) + 1)),
            y=[row["learning_rate"] for row in rows],
            mode="lines+markers",
            line={"color": look.color, "width": 2, "shape": "hv"},
            marker={"symbol": look.symbol, "size": 6},
            customdata=[_place(row) for row in rows],
            hovertemplate="learning rate %{y:.3g}<br>%{customdata}<extra></extra>",
        )
    )
    for start in phase_starts(rows):
        _mark_start(figure, start + 0.5)
    theme.finish(figure, 220, legend=False)
    figure.update_layout(margin_t=30)
    figure.update_xaxes(title_text="epoch", range=[0.6, max(len(rows), 2) + 0.4])
    figure.update_yaxes(title_text="learning rate", type="log", exponentformat="power", dtick=1)
    return figure


def phase_starts(rows: Sequence[Row]) -> list[int]:
    """For every phase but the first, the number of rows before it."""
    return [index for index in range(1, len(rows)) if rows[index]["phase"] != rows[index - 1]["phase"]]


def moving_average(values: Sequence[float], window: int) -> list[float]:
    """The mean of each value and those before it, at most `window` of them."""
    averages = []
    total = 0.0
    for index, value in enumerate(values):
        total += value
        if index >= window:
            total -= values[index - window]
        averages.append(total / min(index + 1, window))
    return averages


def _place(row: Row) -> str:
    return f"epoch {row['epoch']}, {PHASE_NAMES.get(row['phase'], row['phase'])}"


def _number(measure: Measure) -> str:
    return ":.1%" if measure == "accuracy" else ":.4f"


def _best_mark(rows: Sequence[Row], best: int, measure: Measure) -> go.Scatter:
    value = rows[best][f"val_{measure}"]
    return go.Scatter(
        x=[best + 1],
        y=[value],
        name="kept (best epoch)",
        mode="markers",
        marker={"symbol": "star", "size": 15, "color": theme.YELLOW, "line": {"color": theme.GREY, "width": 1}},
        hovertemplate=f"kept: validation {measure} %{{y{_number(measure)}}}<br>{_place(rows[best])}<extra></extra>",
    )


def _mark_start(figure: go.Figure, place: float) -> None:
    figure.add_vline(
        x=place,
        line={"color": theme.GREY, "dash": "dash", "width": 1.5},
        annotation={"text": "fine-tuning starts", "xanchor": "center", "yanchor": "bottom", "font": {"size": 11}},
        annotation_position="top",
    )


def _finish(figure: go.Figure, measure: Measure, unit: str, values: Sequence[float]) -> None:
    theme.finish(figure, _HEIGHT)
    # The legend stands above the words at the line where fine-tuning starts.
    figure.update_layout(hovermode="closest", legend_y=1.1, margin_t=64)
    figure.update_xaxes(title_text=unit)
    figure.update_yaxes(title_text=_TITLES[measure], rangemode="tozero" if measure == "loss" else "normal")
    if measure == "accuracy":
        theme.share_axis(figure, values)
