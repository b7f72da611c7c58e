"""How well each class is told from the others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import plotly.graph_objects as go

from tlcore.plots import theme

MEASURES: Final = {
    "precision": "precision: right among those answered so",
    "recall": "recall: found among those truly so",
    "f1": "F1: both in one figure",
}
_PATTERNS: Final = ("", "/", "x")


def per_class_figure(scores: Mapping[str, Mapping[str, Any]]) -> go.Figure:
    """Three bars a class, the class with the lowest F1 on top.

    Args:
        scores: By class name: precision, recall and f1 (0 to 1) and count (pictures truly of the class).
    """
    ordered = sorted(scores.items(), key=lambda item: (item[1]["f1"], item[0]))
    names = [name for name, _ in ordered]
    about = [f"{theme.label(name, 80)}, {score['count']} test pictures" for name, score in ordered]
    figure = go.Figure()
    for index, (key, title) in enumerate(MEASURES.items()):
        figure.add_trace(
            go.Bar(
                x=[score[key] for _, score in ordered],
                y=list(range(len(ordered))),
                orientation="h",
                name=title,
                marker={
                    "color": theme.PALETTE[index],
                    "pattern": {
                        "shape": _PATTERNS[index],
                        "size": 5,
                        "fillmode": "overlay",
                        "fgcolor": "#ffffff",
                        "fgopacity": 0.6,
                    },
                },
                customdata=about,
                hovertemplate=f"{title.partition(':')[0]} %{{x:.1%}}<br>%{{customdata}}<extra></extra>",
            )
        )
    row = 46 if len(ordered) <= 30 else 26
    theme.finish(figure, 120 + row * len(ordered))
    figure.update_layout(barmode="group", bargap=0.25, legend_traceorder="normal")
    figure.update_xaxes(range=[0, 1.03], dtick=0.25, tickformat=".0%", title_text="share of pictures")
    figure.update_yaxes(**theme.category_axis(names), range=[len(ordered) - 0.5, -0.5])
    return figure
