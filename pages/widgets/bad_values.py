"""What is wrong with a value that somebody typed, by the name that its field has on the page."""

from __future__ import annotations

import re
from typing import Any, Final

from pydantic import ValidationError

from pages.widgets.draft import nested
from pages.widgets.option_names import LABELS
from tlcore.config import RunConfig

_OPTION: Final = re.compile(r"The option '(?P<name>[\w.]+)'")
_BOUNDS: Final = {
    "greater than or equal to": "at least",
    "less than or equal to": "at most",
    "greater than": "more than",
    "less than": "less than",
}
_BOUND: Final = re.compile(rf"Input should be (?P<way>{'|'.join(_BOUNDS)}) (?P<limit>[-\d.e]+\d|\d)")


def in_labels(text: str) -> str:
    """A message about options with the names of their fields, and their bounds in plain words."""
    named = _OPTION.sub(lambda found: f'"{LABELS.get(found["name"], found["name"])}"', text)
    return _BOUND.sub(lambda found: f"It has to be {_BOUNDS[found['way']]} {_plain(found['limit'])}", named)


def what_is_wrong(name: str, value: Any) -> str:
    """Why an option, by its dotted name, can't have this value whatever the others are; "" where it can."""
    try:
        RunConfig.model_validate({"dataset": "any"} | nested({name: value}))
    except ValidationError as error:
        return in_labels(error.errors(include_url=False)[0]["msg"]) + "."
    return ""


def _plain(limit: str) -> str:
    number = float(limit)
    return f"{number:,.0f}" if number.is_integer() else f"{number:g}"
