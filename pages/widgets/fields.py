"""Input fields that are bound to options of the unfinished design."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from pages.widgets.bad_values import what_is_wrong
from pages.widgets.draft import default_of
from pages.widgets.option_names import LABELS, VALUES
from pages.widgets.text import plain_text


@dataclass(frozen=True)
class Step:
    """How a number's field behaves. It has no limits of its own: a browser keeps a value beyond a field's limits to
    itself, and the page would go on with an older one. The configuration's checks refuse it in words instead.

    Attributes:
        size: What one click on plus or minus changes.
        shown: A printf format, or None for the plain number.
    """

    size: float
    shown: str | None = None


# Streamlit takes None for "nothing chosen yet" and shows no text for it.
_NOTHING = ""


def option_key(name: str) -> str:
    """Key of an option's field in the session."""
    return f"design-{name}"


class OptionFields:
    """Draws fields and collects what differs from the defaults.

    Fields that are not drawn keep their values: what does not apply now is not forgotten.
    """

    def __init__(self, options: Mapping[str, Any]) -> None:
        """Starts from the design's options, by dotted name."""
        self.values: dict[str, Any] = dict(options)
        self._saved = dict(options)
        self._locked: set[str] = set()

    def current(self, name: str) -> Any:
        """The option's value as the design has it."""
        return self.values.get(name, default_of(name))

    def saved(self, name: str) -> Any:
        """The option's value as the design had it before anything was drawn."""
        return self._saved.get(name, default_of(name))

    def put(self, name: str, value: Any) -> None:
        """Sets an option without a field; the default is not stored."""
        if value == default_of(name):
            self.values.pop(name, None)
        else:
            self.values[name] = value

    def lock(self, name: str, value: Any) -> None:
        """Sets an option to a value that nothing may change: its field, drawn later, shows it and is disabled."""
        self.put(name, value)
        self._locked.add(name)
        st.session_state[option_key(name)] = value

    def whole_number(self, name: str, step: Step, explanation: str, empty: str = "") -> None:
        """A field for a whole number; with `empty` it may be left blank, and that is what blank means."""
        key = self._start(name)
        value = st.number_input(
            LABELS[name],
            step=int(step.size),
            value=None if empty else "min",
            placeholder=empty or None,
            key=key,
            help=explanation,
            disabled=name in self._locked,
        )
        self.put(name, value)
        _complain(name, value)

    def number(self, name: str, step: Step, explanation: str) -> None:
        """A field for a number with a fraction."""
        key = self._start(name, float)
        value = st.number_input(
            LABELS[name],
            step=float(step.size),
            format=step.shown,
            key=key,
            help=explanation,
            disabled=name in self._locked,
        )
        self.put(name, value)
        _complain(name, value)

    def choice(self, name: str, explanation: str, names: Mapping[Any, str] | None = None) -> None:
        """A field for one of a few values; `names` says what people read for each where that varies."""
        key = self._start(name)
        known = VALUES[name] if names is None else names
        shown = {_NOTHING if value is None else value: text for value, text in known.items()}
        if st.session_state[key] not in shown:
            st.session_state[key] = next(iter(shown))
        value = st.selectbox(
            LABELS[name],
            list(shown),
            format_func=lambda value: shown[value],
            key=key,
            help=explanation,
            disabled=name in self._locked,
        )
        self.put(name, None if value == _NOTHING else value)

    def switch(self, name: str, explanation: str) -> None:
        """A field for yes or no."""
        self.put(name, st.toggle(LABELS[name], key=self._start(name), help=explanation))

    def _start(self, name: str, kind: type = object) -> str:
        """Puts the saved value into the field when it is drawn for the first time; returns its key."""
        key = option_key(name)
        if key not in st.session_state:
            value = self.current(name)
            st.session_state[key] = float(value) if kind is float else value
        return key


def _complain(name: str, value: Any) -> None:
    """Says right under a field why its value can't be."""
    if wrong := what_is_wrong(name, value):
        st.caption(f":red[:material/error: {plain_text(wrong)}]")
