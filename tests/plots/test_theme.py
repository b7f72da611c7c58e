from __future__ import annotations

from itertools import pairwise

import pytest

from tlcore.plots import theme


def test_labels_are_text_and_not_markup() -> None:
    assert theme.label("<a href='x'>cat & dog</a>") == "&lt;a href='x'&gt;cat &amp; dog&lt;/a&gt;"
    assert "<" not in theme.label("<b>")


def test_long_labels_are_cut_before_they_are_escaped() -> None:
    assert theme.label("&" * 50, longest=3) == "&amp;&amp;…"
    assert theme.label("short", longest=5) == "short"


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0"), (992, "992"), (9999, "9,999"), (12_810, "12.8 k"), (3_413_024, "3.41 M")]
)
def test_counts_are_short(number: int, text: str) -> None:
    assert theme.count_text(number) == text


def test_names_that_shorten_alike_keep_their_own_places() -> None:
    names = ["a" * 40 + "1", "a" * 40 + "2", "7"]

    axis = theme.category_axis(names)

    assert axis["tickvals"] == [0, 1, 2]
    assert axis["ticktext"][0] == axis["ticktext"][1]


def test_series_differ_by_more_than_colour() -> None:
    looks = [theme.series_line(index) for index in range(30)]

    assert len(set(looks)) == 30
    neighbours = pairwise(looks)
    assert all(one.dash != other.dash and one.symbol != other.symbol for one, other in neighbours)


def test_text_on_shapes_contrasts_with_both_pages() -> None:
    assert theme.ink(dark=True) != theme.ink(dark=False)
