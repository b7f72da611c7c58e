from __future__ import annotations

from tlcore.plots.network import Block, network_figure

BLOCKS = (
    Block("Picture", "224 pixels", 0, 0),
    Block("stem", "3 layers", 992, 0),
    Block("block7", "12 layers", 611_000, 600_000),
    Block("New last layer", "dense", 12_810, 12_810),
)


def test_each_block_says_its_weights_and_whether_it_learns() -> None:
    figure = network_figure(BLOCKS)

    words = [annotation.text for annotation in figure.layout.annotations]
    assert words[1::2] == [
        "no weights",
        "992 · locked",
        "<b>600 k of 611 k · learns</b>",
        "<b>12.8 k · learns</b>",
    ]
    assert figure.layout.annotations[0].y > figure.layout.annotations[-1].y


def test_what_learns_has_another_edge_too() -> None:
    _, locked, partly, learns = network_figure(BLOCKS).layout.shapes

    assert locked.line.width < partly.line.width == learns.line.width
    assert locked.fillcolor != learns.fillcolor


def test_names_are_not_markup() -> None:
    figure = network_figure([Block("<b>x</b>", "", 1, 0)], dark=True)

    assert figure.layout.annotations[0].text == "&lt;b&gt;x&lt;/b&gt;"
