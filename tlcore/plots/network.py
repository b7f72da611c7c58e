"""A drawing of the assembled network: what is locked and what learns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from tlcore.plots import theme

_LOCKED = "rgba(138, 147, 160, 0.22)"
_LEARNS = "rgba(216, 115, 28, 0.30)"
_NOTHING = "rgba(58, 143, 209, 0.16)"
_STEP = 32


@dataclass(frozen=True)
class Block:
    """One box of the drawing, from the picture to the answer.

    Attributes:
        name: What it is: a stage of the backbone, or a layer of the head.
        detail: A few words more, shown on hover.
        parameters: Weights that it holds.
        trainable: Those of them that learn; 0 is locked.
    """

    name: str
    detail: str
    parameters: int
    trainable: int


def network_figure(blocks: Sequence[Block], *, dark: bool = False) -> go.Figure:
    """Boxes from top to bottom, each with its name, its number of weights and whether it learns.

    Locked boxes are grey with a thin edge, learning ones orange with a thick edge and the word.

    Args:
        blocks: From the picture to the answer.
        dark: Whether the page is dark, for the text.
    """
    color = theme.ink(dark)
    figure = go.Figure()
    for index, block in enumerate(blocks):
        figure.add_shape(_box(block, -index))
        for x, text, side, size in (
            (0.03, theme.label(block.name, 30), "left", 13),
            (0.97, _state(block), "right", 12),
        ):
            figure.add_annotation(
                x=x, y=-index, text=text, showarrow=False, xanchor=side, font={"size": size, "color": color}
            )
    figure.add_trace(
        go.Scatter(
            x=[0.5] * len(blocks),
            y=[-index for index in range(len(blocks))],
            mode="markers",
            marker={"opacity": 0, "size": _STEP - 8},
            customdata=[_about(block) for block in blocks],
            hovertemplate="%{customdata}<extra></extra>",
        )
    )
    theme.finish(figure, _STEP * len(blocks) + 16, legend=False)
    figure.update_layout(margin={"l": 2, "r": 2, "t": 4, "b": 4})
    figure.update_xaxes(visible=False, range=[0, 1], fixedrange=True)
    figure.update_yaxes(visible=False, range=[-len(blocks) + 0.4, 0.6], fixedrange=True)
    return figure


def _box(block: Block, middle: float) -> dict[str, Any]:
    learns = block.trainable > 0
    fill = _NOTHING if block.parameters == 0 else _LEARNS if learns else _LOCKED
    return {
        "type": "rect",
        "x0": 0.005,
        "x1": 0.995,
        "y0": middle - 0.42,
        "y1": middle + 0.42,
        "fillcolor": fill,
        "line": {
            "color": theme.ORANGE if learns else theme.GREY,
            "width": 2.5 if learns else 1,
            "dash": "solid" if block.parameters else "dot",
        },
        "layer": "below",
    }


def _state(block: Block) -> str:
    if block.parameters == 0:
        return "no weights"
    count = theme.count_text(block.parameters)
    if block.trainable == 0:
        return f"{count} · locked"
    if block.trainable == block.parameters:
        return f"<b>{count} · learns</b>"
    return f"<b>{theme.count_text(block.trainable)} of {count} · learns</b>"


def _about(block: Block) -> str:
    lines = [f"<b>{theme.label(block.name, 80)}</b>", theme.label(block.detail, 120)]
    if block.parameters:
        lines.append(f"{block.parameters:,} weights, {block.trainable:,} of them learn")
    return "<br>".join(line for line in lines if line)
