"""Which classes are taken for which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import plotly.graph_objects as go

from tlcore.plots import theme

Values = Literal["counts", "shares"]

_MOST_NUMBERS = 25  # classes up to which each cell can hold a readable number
_FEW = 6
_MOST_LABELS = 60
_LIGHT = ((0.0, "#eef3f8"), (0.5, "#5fa4d6"), (1.0, "#0b3d6b"))
_DARK = ((0.0, "#1b2430"), (0.5, "#2f7bb5"), (1.0, "#c9e6ff"))


def confusion_figure(
    matrix: Sequence[Sequence[int]], class_names: Sequence[str], values: Values = "counts", *, dark: bool = False
) -> go.Figure:
    """A square with a row for each true class and a column for each answer.

    Colour is always the share of the row, so that a class with few pictures is as legible as one with many.

    Args:
        matrix: Pictures by true class and answer.
        class_names: The classes, in the order of rows and columns.
        values: What the cells say: pictures, or the share of the true class.
        dark: Whether the page is dark: no pictures is then dark too.
    """
    shares = row_shares(matrix)
    size = len(class_names)
    names = [theme.label(name, 80) for name in class_names]
    about = [
        [
            f"truly {names[row]}<br>answered {names[column]}<br>{matrix[row][column]} pictures, "
            f"{theme.share_text(shares[row][column])} of {names[row]}"
            for column in range(size)
        ]
        for row in range(size)
    ]
    text = [
        [_cell(matrix[row][column], shares[row][column], values, size) for column in range(size)] for row in range(size)
    ]
    figure = go.Figure(
        go.Heatmap(
            z=shares,
            zmin=0,
            zmax=1,
            text=text if size <= _MOST_NUMBERS else None,
            texttemplate="%{text}" if size <= _MOST_NUMBERS else None,
            textfont={"size": 14 if size <= _FEW else 11 if size <= 12 else 9},
            showscale=size > _MOST_NUMBERS,  # where cells hold numbers, their width is worth more than a scale
            customdata=about,
            hovertemplate="%{customdata}<extra></extra>",
            colorscale=_DARK if dark else _LIGHT,
            colorbar={"tickformat": ".0%", "title": {"text": "of the<br>true class"}, "thickness": 12, "len": 0.8},
            xgap=1 if size <= _MOST_LABELS else 0,
            ygap=1 if size <= _MOST_LABELS else 0,
        )
    )
    theme.finish(figure, min(max(280, 120 + 34 * size), 820), legend=False)
    longest = 14 if size > _FEW else 22
    figure.update_xaxes(title_text="answer", **_axis(class_names, longest), side="bottom")
    figure.update_yaxes(title_text="truth", **_axis(class_names, longest), autorange="reversed")
    if size > _FEW and max(map(len, class_names)) > 2:
        figure.update_xaxes(tickangle=-60)
    return figure


def row_shares(matrix: Sequence[Sequence[int]]) -> list[list[float]]:
    """Each cell as a share of its row; a class without pictures has a row of zeros."""
    totals = [sum(row) for row in matrix]
    return [[cell / total if total else 0.0 for cell in row] for row, total in zip(matrix, totals, strict=True)]


def _cell(count: int, share: float, values: Values, size: int) -> str:
    """A cell's number; with many classes there is no room for the sign of per cent."""
    if count == 0:
        return ""
    return str(count) if values == "counts" else f"{100 * share:.0f}" + ("%" if size <= _FEW else "")


def _axis(class_names: Sequence[str], longest: int) -> dict[str, object]:
    axis = theme.category_axis(list(class_names), longest)
    every = -(-len(class_names) // _MOST_LABELS)
    axis["tickvals"] = axis["tickvals"][::every]
    axis["ticktext"] = axis["ticktext"][::every]
    return axis
