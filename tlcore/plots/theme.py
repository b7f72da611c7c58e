"""One look for every chart: colours that colour-blind people can tell apart, and never colour alone."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from typing import Any, Final

import plotly.graph_objects as go

BLUE: Final = "#3a8fd1"
ORANGE: Final = "#d8731c"
GREEN: Final = "#0fa27b"
PURPLE: Final = "#c46f9e"
YELLOW: Final = "#d1a100"
SKY: Final = "#5fb6e6"
GREY: Final = "#8a93a0"

PALETTE: Final = (BLUE, ORANGE, GREEN, PURPLE, YELLOW, SKY, GREY)
"""Hues of Okabe and Ito (2008, "Color Universal Design"), moved to a lightness that reads on white and on black."""

DASHES: Final = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
SYMBOLS: Final = ("circle", "diamond", "square", "cross", "triangle-up", "x", "star", "triangle-down")

GRID: Final = "rgba(138, 147, 160, 0.28)"
"""Half-transparent grey: visible on a light and on a dark page."""

_INK: Final = {False: "#262a33", True: "#eef1f5"}

CHART_CONFIG: Final[dict[str, Any]] = {
    "displaylogo": False,
    "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"],
}
"""Options for whatever shows the figure in a browser."""

_LONGEST_LABEL = 28
_BEYOND = 0.02  # shares beyond 0 and 1 that an axis shows, so that marks at its ends are whole
_LEAST_SPREAD = 0.1


@dataclass(frozen=True)
class Line:
    """How one series is drawn, so that it differs from the others in three ways.

    Attributes:
        color: A hue of the palette.
        dash: Plotly's name of the dash.
        symbol: Plotly's name of the marker.
    """

    color: str
    dash: str
    symbol: str


def series_line(index: int) -> Line:
    """The look of series number `index`; combinations repeat only after 168 series (7 hues, 6 dashes, 8 markers)."""
    return Line(PALETTE[index % len(PALETTE)], DASHES[index % len(DASHES)], SYMBOLS[index % len(SYMBOLS)])


def ink(dark: bool) -> str:
    """Colour of text that stands on a filled shape, on a dark or a light page."""
    return _INK[dark]


def label(text: str, longest: int = _LONGEST_LABEL) -> str:
    """`text` as a label: shortened, and safe, since Plotly reads `<b>` or `<a href>` in labels as markup."""
    shortened = text if len(text) <= longest else text[: longest - 1] + "…"
    return escape(shortened, quote=False)


def share_text(share: float) -> str:
    """A share between 0 and 1 as per cent with one decimal."""
    return f"{100 * share:.1f}%"


def count_text(number: float) -> str:
    """A large number in short: 812, 4.7 k, 3.41 M."""
    if number >= 1e6:
        return f"{number / 1e6:.3g} M"
    if number >= 1e4:
        return f"{number / 1e3:.3g} k"
    return f"{number:,.0f}"


def category_axis(names: list[str], longest: int = _LONGEST_LABEL) -> dict[str, Any]:
    """An axis with a place for each name.

    Places are numbers with the names as tick labels: names that look like numbers stay text, and two names that
    shorten to the same label stay two places.
    """
    return {
        "tickmode": "array",
        "tickvals": list(range(len(names))),
        "ticktext": [label(name, longest) for name in names],
        "showgrid": False,
        "zeroline": False,
    }


def share_axis(figure: go.Figure, values: Iterable[float]) -> None:
    """Makes the upright axis one of shares, in per cent: never far below 0% or above 100%, and never of no height.

    Where all values are alike, Plotly would show them between -100% and 100%.

    Args:
        figure: The figure to change.
        values: All that is drawn, from 0 to 1; what is not a number is left out.
    """
    figure.update_yaxes(tickformat=".1~%", autorangeoptions={"clipmin": -_BEYOND, "clipmax": 1 + _BEYOND})
    known = [float(value) for value in values if not math.isnan(value)]
    if known and max(known) - min(known) < _LEAST_SPREAD:
        middle = (max(known) + min(known)) / 2
        low = min(max(middle - _LEAST_SPREAD / 2, -_BEYOND), 1 + _BEYOND - _LEAST_SPREAD)
        figure.update_yaxes(range=[low, low + _LEAST_SPREAD])


def finish(figure: go.Figure, height: int, *, legend: bool = True) -> go.Figure:
    """Gives a figure the common look and returns it.

    Backgrounds are transparent and text has no colour of its own, so that the page's light or dark theme decides.
    Dragging doesn't zoom: on a phone it would swallow the scrolling.

    Args:
        figure: The figure to change.
        height: In pixels.
        legend: Whether the legend is shown, above the chart.
    """
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 12, "t": 36 if legend else 12, "b": 8},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        dragmode=False,
        showlegend=legend,
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "xanchor": "left", "x": 0},
        hoverlabel={"align": "left"},
        uirevision="kept",  # what was hidden or zoomed stays so when a live chart gets new points
    )
    figure.update_xaxes(gridcolor=GRID, zerolinecolor=GRID, automargin=True)
    figure.update_yaxes(gridcolor=GRID, zerolinecolor=GRID, automargin=True)
    return figure
