from __future__ import annotations

import pytest

from tlcore.plots.confusion import confusion_figure, row_shares


def test_cells_say_counts_or_shares_and_colour_is_the_share() -> None:
    matrix = [[8, 2], [0, 0]]

    counts = confusion_figure(matrix, ["cat", "dog"]).data[0]
    shares = confusion_figure(matrix, ["cat", "dog"], "shares").data[0]

    assert [list(row) for row in counts.text] == [["8", "2"], ["", ""]]
    assert [list(row) for row in shares.text] == [["80%", "20%"], ["", ""]]
    assert [list(row) for row in counts.z] == [[0.8, 0.2], [0.0, 0.0]]
    assert counts.customdata[0][1] == "truly cat<br>answered dog<br>2 pictures, 20.0% of cat"


def test_the_first_class_is_on_top_and_digits_stay_names() -> None:
    figure = confusion_figure([[1, 0], [0, 1]], ["0", "1"])

    assert figure.layout.yaxis.autorange == "reversed"
    assert list(figure.layout.xaxis.ticktext) == ["0", "1"]


@pytest.mark.parametrize("size", [2, 25, 26, 100])
def test_any_number_of_classes_fits_a_screen(size: int) -> None:
    matrix = [[5 if row == column else 0 for column in range(size)] for row in range(size)]

    figure = confusion_figure(matrix, [f"a class with a long name {index}" for index in range(size)])

    assert figure.layout.height <= 820
    assert (figure.data[0].text is not None) == (size <= 25) == (not figure.data[0].showscale)
    assert len(figure.layout.xaxis.ticktext) <= 60


def test_light_and_dark_pages_have_their_own_zero() -> None:
    light, dark = (confusion_figure([[1, 0], [0, 1]], ["a", "b"], dark=dark) for dark in (False, True))

    assert light.data[0].colorscale[0] != dark.data[0].colorscale[0]


def test_a_matrix_row_without_pictures_has_no_shares() -> None:
    assert row_shares([[0, 0], [1, 3]]) == [[0.0, 0.0], [0.25, 0.75]]
