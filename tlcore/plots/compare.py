"""Several runs in one chart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from tlcore.plots import theme
from tlcore.plots.history import Measure, Row, phase_starts

_HEIGHT = 380
_LONGEST_NAME = 50


@dataclass(frozen=True)
class RunCurve:
    """One run's history.

    Attributes:
        name: What the legend calls it.
        rows: The history by epoch.
    """

    name: str
    rows: Sequence[Row]


@dataclass(frozen=True)
class RunPoint:
    """One run's result.

    Attributes:
        name: What the legend calls it.
        seconds: How long it took.
        accuracy: Share of test pictures named right, 0 to 1.
        low: Lower end of the accuracy's 95% interval.
        high: Upper end of it.
    """

    name: str
    seconds: float
    accuracy: float
    low: float
    high: float


def overlay_figure(curves: Sequence[RunCurve], measure: Measure) -> go.Figure:
    """The validation curves of several runs; a hollow ring marks where a run's fine-tuning starts."""
    figure = go.Figure()
    for index, curve in enumerate(curves):
        look = theme.series_line(index)
        starts = phase_starts(curve.rows)
        symbols = [f"{look.symbol}-open" if place in starts else look.symbol for place in range(len(curve.rows))]
        sizes = [14 if place in starts else 7 for place in range(len(curve.rows))]
        number = ":.1%" if measure == "accuracy" else ":.4f"
        figure.add_trace(
            go.Scatter(
                x=list(range(1, len(curve.rows) + 1)),
                y=[row[f"val_{measure}"] for row in curve.rows],
                name=theme.label(curve.name, _LONGEST_NAME),
                mode="lines+markers",
                line={"color": look.color, "dash": look.dash, "width": 2},
                marker={"symbol": symbols, "size": sizes},
                hovertemplate=f"{theme.label(curve.name, 80)}<br>validation {measure} %{{y{number}}}"
                "<br>epoch %{x}<extra></extra>",
            )
        )
    theme.finish(figure, _HEIGHT + 24 * len(curves))
    _legend_below(figure)
    figure.update_xaxes(title_text="epoch")
    figure.update_yaxes(title_text=f"validation {measure}")
    if measure == "accuracy":
        theme.share_axis(figure, (row["val_accuracy"] for curve in curves for row in curve.rows))
    else:
        figure.update_yaxes(rangemode="tozero")
    return figure


def accuracy_time_figure(points: Sequence[RunPoint]) -> go.Figure:
    """What each run cost and gave: test accuracy with its 95% interval against the time it took."""
    figure = go.Figure()
    longest = max((point.seconds for point in points), default=0.0)
    divisor, unit = (60.0, "minutes") if longest >= 180 else (1.0, "seconds")
    for index, point in enumerate(points):
        look = theme.series_line(index)
        figure.add_trace(
            go.Scatter(
                x=[point.seconds / divisor],
                y=[point.accuracy],
                name=theme.label(point.name, _LONGEST_NAME),
                mode="markers",
                marker={"symbol": look.symbol, "size": 13, "color": look.color},
                error_y={
                    "type": "data",
                    "symmetric": False,
                    "array": [point.high - point.accuracy],
                    "arrayminus": [point.accuracy - point.low],
                    "color": look.color,
                    "thickness": 1.5,
                },
                hovertemplate=f"{theme.label(point.name, 80)}<br>test accuracy %{{y:.1%}}, likely between "
                f"{theme.share_text(point.low)} and {theme.share_text(point.high)}"
                f"<br>%{{x:.1f}} {unit}<extra></extra>",
            )
        )
    theme.finish(figure, _HEIGHT + 24 * len(points))
    _legend_below(figure)
    figure.update_xaxes(title_text=f"time from start to end, in {unit}", rangemode="tozero")
    figure.update_yaxes(title_text="test accuracy")
    theme.share_axis(figure, (end for point in points for end in (point.low, point.high)))
    return figure


def _legend_below(figure: go.Figure) -> None:
    """Long names stand one under another beneath the chart, where they can't squeeze it on a narrow screen."""
    figure.update_layout(
        legend={"orientation": "v", "yanchor": "top", "y": -0.22, "xanchor": "left", "x": 0}, margin_t=12
    )
