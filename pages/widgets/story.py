"""The picture story of transfer learning, and the drawings on the Home page: our own SVG, no text from outside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tlcore.plots.theme import BLUE, GREEN, GREY, ORANGE, PURPLE

_WIDTH: Final = 280
_HEIGHT: Final = 130


@dataclass(frozen=True)
class Panel:
    """One picture of the story.

    Attributes:
        drawing: SVG.
        alt: What it shows, for those who can't see it.
        title: In a few words.
        text: What happens.
    """

    drawing: str
    alt: str
    title: str
    text: str


def _svg(body: str) -> str:
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}">{body}</svg>'


def _photo(x: int, y: int, color: str, side: int = 34) -> str:
    """A photo: a frame, a hill and a sun."""
    s = side
    return (
        f'<rect x="{x}" y="{y}" width="{s}" height="{s}" rx="5" fill="{color}" fill-opacity="0.18" stroke="{color}" '
        f'stroke-width="1.6"/><circle cx="{x + s * 0.7}" cy="{y + s * 0.3}" r="{s * 0.11}" fill="{color}"/>'
        f'<path d="M{x + 3} {y + s - 4} l{s * 0.3} -{s * 0.42} l{s * 0.22} {s * 0.24} l{s * 0.16} -{s * 0.16} '
        f'l{s * 0.2} {s * 0.34} z" fill="{color}" fill-opacity="0.75"/>'
    )


def _layer(x: int, height: int, color: str, *, locked: bool) -> str:
    """One layer of a network; a locked one wears a padlock."""
    y = (_HEIGHT - height) // 2
    body = (
        f'<rect x="{x}" y="{y}" width="26" height="{height}" rx="5" fill="{color}" fill-opacity="0.3" stroke="{color}" '
        'stroke-width="1.8"/>'
    )
    if not locked:
        return body
    middle, top = x + 13, _HEIGHT // 2 - 3
    return body + (
        f'<rect x="{middle - 6}" y="{top}" width="12" height="9" rx="2" fill="{color}"/>'
        f'<path d="M{middle - 4} {top} v-3 a4 4 0 0 1 8 0 v3" fill="none" stroke="{color}" stroke-width="2"/>'
    )


def _arrow(x: int, length: int = 22) -> str:
    y = _HEIGHT // 2
    return (
        f'<path d="M{x} {y} h{length} m-7 -5 l7 5 l-7 5" fill="none" stroke="{GREY}" stroke-width="2" '
        'stroke-linecap="round" stroke-linejoin="round"/>'
    )


def _many_photos(x: int) -> str:
    colors = (BLUE, ORANGE, GREEN, PURPLE)
    return "".join(
        _photo(x + 24 * column, 16 + 25 * row, colors[(row + column) % 4], 21)
        for row in range(4)
        for column in range(4)
    )


def _network(x: int, *, locked: bool) -> str:
    return "".join(_layer(x + 33 * place, height, BLUE, locked=locked) for place, height in enumerate((96, 78, 60)))


def _bars(x: int, y: int) -> str:
    return "".join(
        f'<rect x="{x}" y="{y + 15 * place}" width="{width}" height="9" rx="3" fill="{color}"/>'
        for place, (width, color) in enumerate(((70, GREEN), (24, GREY), (12, GREY)))
    )


STORY: Final = (
    Panel(
        _svg(_many_photos(8) + _arrow(114) + _network(150, locked=False)),
        "Many photos of many kinds go into a network of three layers",
        "1. Somebody trained a large network",
        "On 1.3 million photos of a thousand things (ImageNet). It took days on large computers. On the way its layers "
        "learned to see: edges first, then textures, then parts of things.",
    ),
    Panel(
        _svg(
            _photo(12, 24, ORANGE, 38)
            + _photo(12, 70, ORANGE, 38)
            + _arrow(62)
            + _network(98, locked=True)
            + _layer(204, 44, ORANGE, locked=False)
        ),
        "A few of your photos go through three locked layers into one new layer that learns",
        "2. You keep its eyes and teach it your words",
        "The layers that see stay as they are. Only a small new last layer learns to name your classes. A few dozen "
        "pictures of each and a minute are often enough. That is transfer learning.",
    ),
    Panel(
        _svg(
            _photo(22, 44, GREEN, 44) + _arrow(84) + _layer(122, 70, BLUE, locked=True) + _arrow(164) + _bars(200, 46)
        ),
        "A new photo goes through the network, and bars show how sure it is of each answer",
        "3. It names pictures that it never saw",
        "Some of your pictures are kept back as a test, so you know how far to trust it. When that is not good enough, "
        "let some of the locked layers learn too, slowly (fine-tuning).",
    ),
)

# Not a Material icon: as the icon of a browser's tab Streamlit would fetch it from the network.
APP_ICON: Final = (
    f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 34 34" width="34" height="34">{_photo(2, 2, BLUE, 30)}</svg>'
)

SAMPLE_DRAWING: Final = _svg(
    _photo(20, 40, ORANGE, 50)
    + _arrow(84)
    + _network(120, locked=False)
    + _arrow(224)
    + _layer(252, 26, GREEN, locked=False)
)
OWN_DRAWING: Final = _svg(
    f'<path d="M30 40 h34 l10 12 h72 v58 h-116 z" fill="{BLUE}" fill-opacity="0.22" stroke="{BLUE}" stroke-width="2" '
    f'stroke-linejoin="round"/>{_photo(44, 64, BLUE, 34)}{_photo(96, 64, GREEN, 34)}{_photo(178, 26, ORANGE, 62)}'
)
BROWSE_DRAWING: Final = _svg(
    "".join(
        _photo(24 + 60 * column, 18 + 50 * row, (BLUE, GREEN, ORANGE, PURPLE)[(row + column) % 4], 42)
        for row in range(2)
        for column in range(4)
    )
)
