"""How many pictures each class has."""

from __future__ import annotations

from typing import Final

import plotly.graph_objects as go

from tlcore.plots import theme

_ROW = 26
_ROWS_BEFORE_TIGHT = 40
_TIGHT_ROW = 17


MOST_BARS: Final = 60
"""A browser needs seconds to draw hundreds of labelled bars, and nobody reads them."""


def balance_figure(counts: dict[str, int]) -> go.Figure:
    """Bars of the number of pictures by class, the largest class on top, with a line at the even share.

    Of very many classes the largest and the smallest are drawn, half of `MOST_BARS` each.

    Args:
        counts: Pictures by class name.
    """
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    total, even = sum(counts.values()), sum(counts.values()) / max(len(counts), 1)
    if len(ordered) > MOST_BARS:
        ordered = ordered[: MOST_BARS // 2] + ordered[-MOST_BARS // 2 :]
    names = [name for name, _ in ordered]
    values = [count for _, count in ordered]
    figure = go.Figure(
        go.Bar(
            x=values,
            y=list(range(len(values))),
            orientation="h",
            marker={"color": theme.BLUE},
            text=values,
            textposition="auto",
            textangle=0,
            customdata=[
                [theme.label(name, 80), theme.share_text(count / total if total else 0)] for name, count in ordered
            ],
            hovertemplate="%{customdata[0]}<br>%{x} pictures, %{customdata[1]} of all<extra></extra>",
        )
    )
    if len(values) > 1:
        figure.add_vline(
            x=even,
            line={"color": theme.ORANGE, "dash": "dash", "width": 2},
            annotation={"text": f"even share: {even:.0f}", "yanchor": "bottom"},
            annotation_position="top",
        )
    row = _ROW if len(values) <= _ROWS_BEFORE_TIGHT else _TIGHT_ROW
    theme.finish(figure, 90 + row * len(values), legend=False)
    figure.update_layout(margin_t=30)
    figure.update_xaxes(title_text="pictures", rangemode="tozero")
    figure.update_yaxes(**theme.category_axis(names), range=[len(values) - 0.5, -0.5])
    return figure
