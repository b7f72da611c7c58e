"""How many pictures each class has."""

from __future__ import annotations

import plotly.graph_objects as go

from tlcore.plots import theme

_ROW = 26
_ROWS_BEFORE_TIGHT = 40
_TIGHT_ROW = 17


def balance_figure(counts: dict[str, int]) -> go.Figure:
    """Bars of the number of pictures by class, the largest class on top, with a line at the even share.

    Args:
        counts: Pictures by class name.
    """
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    names = [name for name, _ in ordered]
    values = [count for _, count in ordered]
    total = sum(values)
    figure = go.Figure(
        go.Bar(
            x=values,
            y=list(range(len(values))),
            orientation="h",
            marker={"color": theme.BLUE},
            text=values,
            textposition="auto",
            customdata=[
                [theme.label(name, 80), theme.share_text(count / total if total else 0)] for name, count in ordered
            ],
            hovertemplate="%{customdata[0]}<br>%{x} pictures, %{customdata[1]} of all<extra></extra>",
        )
    )
    if len(values) > 1:
        even = total / len(values)
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
