"""How sure a model is of each answer to one picture."""

from __future__ import annotations

from collections.abc import Mapping

import plotly.graph_objects as go

from tlcore.plots import theme


def probability_figure(probabilities: Mapping[str, float], most: int = 5, truth: str | None = None) -> go.Figure:
    """Bars of the most probable classes, the answer on top.

    Args:
        probabilities: By class name, summing to 1.
        most: Bars to draw.
        truth: The true class where it is known; it is marked, and drawn even when it is not among the first.
    """
    ranked = sorted(probabilities.items(), key=lambda item: -item[1])
    shown = ranked[:most]
    if truth is not None and truth not in dict(shown):
        shown = [*ranked[: most - 1], (truth, probabilities[truth])]
    names = [f"{name} (truth)" if name == truth else name for name, _ in shown]
    figure = go.Figure(
        go.Bar(
            x=[probability for _, probability in shown],
            y=list(range(len(shown))),
            orientation="h",
            marker={"color": [theme.BLUE, *[theme.GREY] * (len(shown) - 1)]},
            text=[theme.share_text(probability) for _, probability in shown],
            textposition="auto",
            customdata=[theme.label(name, 80) for name in names],
            hovertemplate="%{customdata}: %{x:.2%}<extra></extra>",
            cliponaxis=False,
        )
    )
    theme.finish(figure, 24 + 30 * len(shown), legend=False)
    figure.update_layout(margin={"t": 4, "b": 4})
    figure.update_xaxes(range=[0, 1], visible=False)
    figure.update_yaxes(**theme.category_axis(names, 22), range=[len(shown) - 0.5, -0.5])
    return figure
