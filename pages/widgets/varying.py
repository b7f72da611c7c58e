"""Varying the training pictures: by how much, and whether changed copies are kept or made anew in every round."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import streamlit as st

from pages.widgets.fields import OptionFields, Step, option_key
from tlcore.config import AUGMENTATION_PRESETS, VIEWS, AugmentationConfig, Mode

_CHANGES: Final = ("flip", "rotation", "zoom", "contrast")
_VIEWS: Final = "augmentation.views"
_PRESET_KEY: Final = "design-preset"
_WAY_KEY: Final = "design-varied"
_PRESET_NAMES: Final = {"none": "None", "light": "Light", "strong": "Strong", "own": "By hand"}
_WAYS: Final = {"kept": "Copies, made once", "anew": "Anew in every round"}


def varying_preset(fields: OptionFields) -> None:
    """The presets; the one whose changes the design has is lit."""
    current = {name: _live(fields, f"augmentation.{name}") for name in _CHANGES}
    matching = [name for name, preset in AUGMENTATION_PRESETS.items() if _changes_of(preset) == current]
    st.session_state[_PRESET_KEY] = matching[0] if matching else "own"
    st.segmented_control(
        "Vary the pictures (augmentation)",
        list(_PRESET_NAMES),
        format_func=_PRESET_NAMES.__getitem__,
        key=_PRESET_KEY,
        required=True,
        wrap=True,
        on_change=_take_preset,
        help="Mirrors, turns and zooms training pictures at random, so that the model learns what matters. Helps with "
        "few pictures and in fine-tuning; it takes more time. Leave it out for things that must not be mirrored, such "
        "as letters. The single changes are under Advanced.",
    )
    for name, value in current.items():
        fields.put(f"augmentation.{name}", value)


def varying_way(fields: OptionFields, modes: Sequence[Mode]) -> None:
    """Whether changed copies are kept, and how many; what that costs, in words. Nothing where nothing is varied."""
    before = any(fields.saved(f"augmentation.{name}") != _STILL[name] for name in _CHANGES)
    active = any(fields.current(f"augmentation.{name}") != _STILL[name] for name in _CHANGES)
    if not active:
        fields.put(_VIEWS, 0)
        st.session_state.pop(option_key(_VIEWS), None)
        return
    locked = [mode for mode in modes if mode is not Mode.SCRATCH]
    if not locked:
        fields.put(_VIEWS, _live(fields, _VIEWS))
        st.caption("From scratch, the pictures are varied anew in every round: the whole network sees them anyway.")
        return
    # Changes that were made by hand a moment ago: kept copies are what most people want.
    views = _live(fields, _VIEWS) if before or option_key(_VIEWS) in st.session_state else VIEWS
    st.session_state[option_key(_VIEWS)] = views
    st.session_state[_WAY_KEY] = "anew" if views == 0 else "kept"
    left, right = st.columns([4, 6])
    with left:
        st.segmented_control(
            "How the pictures are varied",
            list(_WAYS),
            format_func=_WAYS.__getitem__,
            key=_WAY_KEY,
            required=True,
            wrap=True,
            on_change=_take_way,
            help="Copies go through the locked part of the network once, and each round draws one of them for every "
            "picture. Anew in every round no two rounds are alike, and every picture goes through the whole network "
            "each time: take it where minutes don't matter and a little more accuracy does.",
        )
    with right:
        if views == 0:
            fields.put(_VIEWS, 0)
        else:
            fields.whole_number(
                _VIEWS,
                Step(1),
                "More copies are more variety. Time and disk for the features grow with the number; "
                "more copies than rounds are of no use.",
            )
    st.caption(_cost(fields, locked))


def _cost(fields: OptionFields, locked: Sequence[Mode]) -> str:
    views = fields.current(_VIEWS)
    if views == 0:
        return (
            "Every picture goes through the whole network in every round, so each round takes about as long as looking "
            "at all pictures once. The forecast below says what that makes in all."
        )
    text = (
        f"The locked part of the network looks once at {views} copies of every training picture, before the first "
        "round; what it says of them is kept, and the rounds themselves stay as fast as without. The forecast below "
        "says what that makes in all."
    )
    if Mode.FINE_TUNE in locked:
        text += " Fine-tuning keeps more for each copy, and goes the slow way where the disk has no room for it."
    return text


def changes_by_hand(fields: OptionFields) -> None:
    """A field for each single change."""
    st.markdown("**Vary the pictures by hand**")
    columns = st.columns(4)
    with columns[0]:
        fields.choice(
            "augmentation.flip",
            "Up and down only for pictures without an up, such as those from a microscope or from above.",
        )
    with columns[1]:
        fields.number(
            "augmentation.rotation", Step(5.0, "%.4g"), "10 for photos held by hand; 180 when there is no up."
        )
    with columns[2]:
        fields.number(
            "augmentation.zoom",
            Step(0.05, "%.2f"),
            "0.1 zooms in or out by up to a tenth: for things at different distances.",
        )
    with columns[3]:
        fields.number(
            "augmentation.contrast",
            Step(0.05, "%.2f"),
            "0.2 for different light. Leave it at 0 when brightness itself tells the classes apart.",
        )


def _changes_of(augmentation: AugmentationConfig) -> dict[str, Any]:
    return augmentation.model_dump(include=set(_CHANGES))


_STILL: Final = _changes_of(AugmentationConfig())


def _live(fields: OptionFields, name: str) -> Any:
    """The option as its field has it now, though the field is drawn further down; else as the design has it."""
    return st.session_state.get(option_key(name), fields.current(name))


def _take_preset() -> None:
    """Moves the single fields to the preset's values: they may be on the page already."""
    preset = AUGMENTATION_PRESETS.get(st.session_state[_PRESET_KEY])
    if preset is not None:
        for name, value in preset.model_dump().items():
            st.session_state[option_key(f"augmentation.{name}")] = value


def _take_way() -> None:
    st.session_state[option_key(_VIEWS)] = VIEWS if st.session_state[_WAY_KEY] == "kept" else 0
