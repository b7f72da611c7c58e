"""The three modes as cards: what is locked and what learns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import streamlit as st

from tlcore.config import Mode


@dataclass(frozen=True)
class ModeCard:
    """What a card says.

    Attributes:
        title: In plain words, with the field's term.
        when: When to choose it.
        drawing: What the drawing shows, for those who can't see it.
    """

    title: str
    when: str
    drawing: str


MODE_CARDS: Final = {
    Mode.FROZEN: ModeCard(
        "Only train the new last layer (frozen)",
        "Fast, and good with few pictures. Start here.",
        "Four locked layers, then one new layer that learns",
    ),
    Mode.FINE_TUNE: ModeCard(
        "Also adapt the top of the model (fine-tune)",
        "Slower, often better when your pictures differ from everyday photos.",
        "Two locked layers, then two that learn slowly and one new layer that learns",
    ),
    Mode.SCRATCH: ModeCard(
        "Learn everything anew (from scratch)",
        "For comparison, or with very many pictures: it uses nothing that the model knows.",
        "Five layers that all learn, starting from chance",
    ),
}
MODE_NAMES: Final = {Mode.FROZEN: "frozen", Mode.FINE_TUNE: "fine-tuned", Mode.SCRATCH: "from scratch"}

_LEARNING_FROM: Final = {Mode.FROZEN: 4, Mode.FINE_TUNE: 2, Mode.SCRATCH: 0}
_LOCKED = "#9aa3af"
_LEARNS = "#e07a1f"


def mode_drawing(mode: Mode) -> str:
    """A small SVG: five layers from the picture to the answer, locked ones grey with a padlock, others orange."""
    boxes = "".join(_box(index, index >= _LEARNING_FROM[mode]) for index in range(5))
    arrows = "".join(
        f'<path d="M{x} 36 l8 0 m-3 -3 l3 3 l-3 3" fill="none" stroke="{_LOCKED}" stroke-width="1.5"/>'
        for x in (39, 83, 127, 171)
    )
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 218 72" width="218" height="72">{boxes}{arrows}</svg>'


def _box(index: int, learns: bool) -> str:
    x, new = 4 + 44 * index, index == 4
    height = 56 - 8 * index
    y = 36 - height / 2
    color = _LEARNS if learns else _LOCKED
    dash = ' stroke-dasharray="4 2"' if new else ""
    body = (
        f'<rect x="{x}" y="{y}" width="32" height="{height}" rx="5" fill="{color}" fill-opacity="'
        f'{0.45 if learns else 0.25}" stroke="{color}" stroke-width="{2.5 if learns else 1.2}"{dash}/>'
    )
    middle = x + 16
    if learns:
        return body + (
            f'<path d="M{middle - 6} 40 l4 -8 l4 8 l4 -8" fill="none" stroke="{color}" stroke-width="2.2" '
            'stroke-linejoin="round" stroke-linecap="round"/>'
        )
    return body + (
        f'<rect x="{middle - 6}" y="35" width="12" height="9" rx="2" fill="{color}"/>'
        f'<path d="M{middle - 4} 35 v-3 a4 4 0 0 1 8 0 v3" fill="none" stroke="{color}" stroke-width="2"/>'
    )


def mode_cards(chosen: Sequence[Mode]) -> tuple[Mode, ...]:
    """Draws the cards; several may be ticked. Returns the ticked modes in the cards' order."""
    ticked = []
    for column, (mode, card) in zip(st.columns(3), MODE_CARDS.items(), strict=True):
        key = f"design-mode-{mode.value}"
        if key not in st.session_state:
            st.session_state[key] = mode in chosen
        with column, st.container(border=True, height="stretch"):
            st.image(mode_drawing(mode), alt=card.drawing, width=218)
            if st.checkbox(f"**{card.title}**", key=key):
                ticked.append(mode)
            st.caption(card.when)
    return tuple(ticked)
