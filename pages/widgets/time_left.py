"""How long a run still takes, in words: one figure, of the whole run, on its page and in the sidebar alike."""

from __future__ import annotations

from typing import Final

import streamlit as st

from pages.widgets.reports import duration_text
from tlcore.runs.view import RunView

_NEARLY_SECONDS: Final = 3


def time_left(view: RunView) -> None:
    """One line; nothing while it is not known, and for a run that does not respond, which its page tells at length."""
    text = "" if view.not_responding else rest_of(view)
    if text:
        st.caption(f":material/timer: {text[0].upper()}{text[1:]}.")


def rest_of(view: RunView) -> str:
    """The rest of a run, without a full stop; "" where it is unknown.

    Where nothing was foretold it is that of what is done now. A run that does not respond has none: its forecast would
    count down to "nearly done" while nothing is done.
    """
    if view.not_responding:
        return silence_in_words(view)
    left = view.seconds_to_end
    if left is not None:
        return rest_in_words(left)
    left = view.seconds_left
    return f"about {_rounded(left)} left for this part" if left is not None and left >= 1 else ""


def silence_in_words(view: RunView) -> str:
    """For how long a run that does not respond has told nothing."""
    return f"not responding for {duration_text(view.silence or 0.0)}"


def rest_in_words(seconds: float) -> str:
    """The rest of a whole run."""
    return "nearly done" if seconds < _NEARLY_SECONDS else f"about {_rounded(seconds)} left in all"


def _rounded(seconds: float) -> str:
    # Nobody wants to see seconds jump back and forth.
    unit = 1 if seconds < 20 else 5 if seconds < 120 else 15 if seconds < 600 else 60
    return _of_units(seconds, unit)


def foretold_in_words(seconds: float, measured: bool) -> str:
    """What a run will take: no finer than it is known.

    Args:
        seconds: As foretold.
        measured: Whether that was seen on this machine; else it may be off by a factor of two.
    """
    if measured:
        unit = 1 if seconds < 20 else 5 if seconds < 60 else 10 if seconds < 600 else 60 if seconds < 3600 else 300
    else:
        unit = 5 if seconds < 30 else 10 if seconds < 60 else 60 if seconds < 570 else 300 if seconds < 3600 else 1800
    return f"about {_of_units(seconds, unit)}"


def _of_units(seconds: float, unit: int) -> str:
    """A whole number of units, and one at least."""
    whole = max(unit * round(seconds / unit), unit)
    return f"{whole} s" if whole < 60 else duration_text(float(whole))
