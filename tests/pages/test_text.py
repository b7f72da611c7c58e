"""Names from outside stay text."""

from __future__ import annotations

import pytest

from pages.widgets.text import plain_text, size_text


@pytest.mark.parametrize("name", ["oak leaf", "Größe 2", "猫"])
def test_ordinary_names_stay_as_they_are(name: str) -> None:
    assert plain_text(name) == name


@pytest.mark.parametrize("markup", ["*", "_", "`", "[", "]", "<", ">", "#", "$", "|", "~", "!", "\\", ":"])
def test_every_markup_sign_is_escaped(markup: str) -> None:
    assert plain_text(f"a{markup}b").startswith(f"a\\{markup}")


@pytest.mark.parametrize("late", [":smile:", ":material/home:", "www.example.org", "https://example.org", "a@b.org"])
def test_what_is_replaced_after_parsing_is_broken_up(late: str) -> None:
    parsed = plain_text(late).replace("\\", "")  # what Markdown leaves of the escapes
    assert late not in parsed
    assert parsed.replace("\N{WORD JOINER}", "") == late


def test_lines_are_joined() -> None:
    assert plain_text("a\n\n# b") == "a \\# b"


@pytest.mark.parametrize(("size", "text"), [(812, "812 B"), (4_700, "4.7 kB"), (812_000, "812 kB"), (3.4e9, "3.4 GB")])
def test_sizes(size: float, text: str) -> None:
    assert size_text(size) == text
