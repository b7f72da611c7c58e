"""How large the pictures of a dataset are, and how wide for their height."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

import plotly.graph_objects as go

from tlcore.plots import theme

_LARGEST_MARKER: Final = 44
_SMALLEST_MARKER: Final = 7
_BARS: Final = 41
_WIDEST: Final = 2.0
"""Aspects beyond 4 to 1 are drawn at the edge, in steps of doubling: log2 of width over height."""

_ASPECTS: Final = (
    (-2.0, "1:4"),
    (-1.0, "1:2"),
    (-0.585, "2:3"),
    (0.0, "1:1"),
    (0.585, "3:2"),
    (1.0, "2:1"),
    (2.0, "4:1"),
)


def sizes_figure(widths: Sequence[int], heights: Sequence[int], size: int | None = None) -> go.Figure:
    """A circle for each size in pixels that occurs, larger the more pictures have it.

    Args:
        widths: Of the upright pictures, in pixels.
        heights: Likewise.
        size: Side of the square that a model reads, drawn as a dotted corner; None draws none.
    """
    counts = Counter(zip(map(int, widths), map(int, heights), strict=True))
    most = max(counts.values(), default=1)
    shown = sorted(counts.items(), key=lambda item: -item[1])  # small circles on top of large ones
    figure = go.Figure(
        go.Scattergl(
            x=[width for (width, _), _ in shown],
            y=[height for (_, height), _ in shown],
            mode="markers",
            marker={
                "color": theme.BLUE,
                "opacity": 0.55,
                "size": [max(_SMALLEST_MARKER, _LARGEST_MARKER * (count / most) ** 0.5) for _, count in shown],
                "line": {"width": 1, "color": theme.BLUE},
            },
            customdata=[count for _, count in shown],
            hovertemplate="%{x} × %{y} pixels<br>%{customdata} pictures<extra></extra>",
        )
    )
    theme.finish(figure, 380, legend=False)
    if size is not None and counts:
        for line in ({"x0": 0, "x1": size, "y0": size, "y1": size}, {"x0": size, "x1": size, "y0": 0, "y1": size}):
            figure.add_shape(type="line", **line, line={"color": theme.ORANGE, "dash": "dot", "width": 2})
    figure.update_xaxes(title_text="width, pixels", rangemode="tozero")
    figure.update_yaxes(title_text="height, pixels", rangemode="tozero")
    return figure


def aspects_figure(aspects: Sequence[float]) -> go.Figure:
    """Bars of how many pictures are upright, square and broad.

    Args:
        aspects: log2 of width over height: 0 is square, 1 twice as wide as high, -1 twice as high as wide.
    """
    step = 2 * _WIDEST / (_BARS - 1)
    places = Counter(round(max(-_WIDEST, min(_WIDEST, aspect)) / step) for aspect in aspects)
    figure = go.Figure(
        go.Bar(
            x=[place * step for place in sorted(places)],
            y=[places[place] for place in sorted(places)],
            width=step * 0.9,
            marker={"color": theme.BLUE},
            customdata=[_proportion(place * step) for place in sorted(places)],
            hovertemplate="%{customdata}<br>%{y} pictures<extra></extra>",
        )
    )
    theme.finish(figure, 300, legend=False)
    figure.update_xaxes(
        title_text="width to height: upright on the left, broad on the right",
        tickvals=[value for value, _ in _ASPECTS],
        ticktext=[text for _, text in _ASPECTS],
        range=[-_WIDEST - step, _WIDEST + step],
    )
    figure.update_yaxes(title_text="pictures", rangemode="tozero")
    return figure


def _proportion(aspect: float) -> str:
    ratio = 2 ** abs(aspect)
    if ratio < 1.03:
        return "about square"
    return f"about {ratio:.2g} times as {'wide as high' if aspect > 0 else 'high as wide'}"
