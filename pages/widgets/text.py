"""Names from outside as text: class names and file names are never markup."""

from __future__ import annotations

import re
from typing import Final

_PUNCTUATION: Final = re.compile(r"([!-/:-@\[-`{-~])")
_WORD_JOINER: Final = "\N{WORD JOINER}"

# Streamlit replaces these after the text was parsed, when a backslash is gone already: emoji and icons between colons,
# links without brackets, and arrows, dashes and comparisons typed as two characters.
_LATE_MARKUP: Final = re.compile(
    r"(?<=:)(?=[\w+-])|(?<=@)(?=\w)|(?<=www)(?=\.)|(?<=:)(?=//)|(?<=[-<>~=])(?=[-<>~=]+(?:\s|$))"
)


def plain_text(text: str) -> str:
    """`text` for use inside Markdown, such that it is shown as it is: on one line, no markup, links, icons or emoji."""
    one_line = " ".join(text.split())
    return _PUNCTUATION.sub(r"\\\1", _LATE_MARKUP.sub(_WORD_JOINER, one_line))


def size_text(size: float) -> str:
    """A number of bytes as people read it: 812 B, 4.7 kB, 3.4 MB, 1.2 GB."""
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if size >= 100 or unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
