"""The pictures of a dataset as points: what a network finds alike lies close together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from tlcore.plots import theme

MOST_CLASSES: Final = 12
"""So many classes get a colour and a symbol of their own; more nobody can tell apart."""

_MANY_POINTS: Final = 2_000
_OTHERS: Final = "other classes"


def map_figure(
    x: NDArray[np.float32],
    y: NDArray[np.float32],
    labels: NDArray[np.int32],
    class_names: Sequence[str],
    told_apart: Sequence[int],
) -> go.Figure:
    """Points in the colour and with the symbol of their class. Where one points at is told by its place in the arrays.

    Drawn by the graphics card (WebGL) where there are many; few are drawn without it, which works everywhere.

    Args:
        x: Of each picture, 0..1, shape (n,).
        y: Likewise.
        labels: Index of each picture's class, shape (n,).
        class_names: The classes.
        told_apart: Indices of the classes with a look of their own, at most `MOST_CLASSES`; the others share a grey
            one.
    """
    figure = go.Figure()
    draw = go.Scattergl if len(x) > _MANY_POINTS else go.Scatter
    size = 6 if len(x) > _MANY_POINTS else 8
    others = ~np.isin(labels, list(told_apart))
    if others.any():
        marker: dict[str, Any] = {"color": theme.GREY, "symbol": "circle", "size": size - 2, "opacity": 0.35}
        figure.add_trace(draw(**_points(x, y, others, labels, class_names), name=_OTHERS, marker=marker))
    for place, index in enumerate(told_apart[:MOST_CLASSES]):
        look = theme.series_line(place)
        marker = {"color": look.color, "symbol": look.symbol, "size": size, "opacity": 0.8}
        chosen = labels == index
        figure.add_trace(
            draw(**_points(x, y, chosen, labels, class_names), name=theme.label(class_names[index]), marker=marker)
        )
    theme.finish(figure, 500)
    figure.update_layout(hovermode="closest", dragmode="pan", legend={"itemsizing": "constant"})
    axis = {"showgrid": False, "zeroline": False, "showticklabels": False, "range": [-0.03, 1.03]}
    figure.update_xaxes(**axis)
    figure.update_yaxes(**axis)
    return figure


def _points(
    x: NDArray[np.float32],
    y: NDArray[np.float32],
    chosen: NDArray[np.bool_],
    labels: NDArray[np.int32],
    class_names: Sequence[str],
) -> dict[str, Any]:
    places = np.flatnonzero(chosen)
    return {
        "x": np.round(x[places], 4),
        "y": np.round(y[places], 4),
        "mode": "markers",
        "customdata": places,
        "text": [theme.label(class_names[label]) for label in labels[places]],
        "hovertemplate": "%{text}<extra></extra>",
    }
