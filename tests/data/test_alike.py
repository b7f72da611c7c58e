from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tlcore.data.alike import LOOK_BYTES, group_numbers, near_pairs, seen_in
from tlcore.images.decode import inspect_picture
from tlcore.workspace import Limits


def encoded(photo: NDArray[np.uint8], side: int = 300, quality: int = 90) -> bytes:
    file = BytesIO()
    Image.fromarray(photo).resize((side, side)).save(file, "JPEG", quality=quality)
    return file.getvalue()


def looks_of(*pictures: bytes) -> NDArray[np.uint8]:
    data = b"".join(inspect_picture(picture, Limits()).look for picture in pictures)
    return np.frombuffer(data, dtype=np.uint8).reshape(-1, LOOK_BYTES)


@pytest.fixture(scope="module")
def different(photos: dict[str, NDArray[np.uint8]]) -> list[bytes]:
    """Thirty pictures: overlapping squares of three photos, none of which people would call a copy of another."""
    squares = [photo[top : top + 150, left : left + 150] for photo in photos.values() for top, left in _corners(photo)]
    return [encoded(square) for square in squares]


def _corners(photo: NDArray[np.uint8]) -> list[tuple[int, int]]:
    rows = np.linspace(0, photo.shape[0] - 150, 2, dtype=int)
    columns = np.linspace(0, photo.shape[1] - 150, 5, dtype=int)
    return [(int(row), int(column)) for row in rows for column in columns]


def test_smaller_and_recompressed_copies_are_found_and_nothing_else(
    photos: dict[str, NDArray[np.uint8]], different: list[bytes]
) -> None:
    assert near_pairs(looks_of(*different)).tolist() == []
    copies = [encoded(photo, 110, 40) for photo in photos.values()]
    originals = [encoded(photo) for photo in photos.values()]
    looks = looks_of(*originals, *different, *copies)
    first_copy = len(originals) + len(different)
    expected = [[first_copy + number, number] for number in range(len(copies))]
    assert near_pairs(looks).tolist() == expected
    assert near_pairs(looks, start=first_copy + 1).tolist() == expected[1:]
    assert near_pairs(looks, stop=1).tolist() == expected[:1]


def test_flat_and_unknown_pictures_are_nobodys_copies() -> None:
    black, grey = (encoded(np.full((9, 9, 3), value, dtype=np.uint8)) for value in (0, 127))
    unknown = np.zeros((2, LOOK_BYTES), dtype=np.uint8)
    assert near_pairs(np.concatenate([looks_of(black, grey, black), unknown])).tolist() == []
    assert near_pairs(unknown[:0]).shape == (0, 2)


def test_groups_join_equal_bytes_pairs_and_what_was_known() -> None:
    assert group_numbers(["a", "b", "a", "c"]).tolist() == [0, 1, 0, 3]
    assert group_numbers(["a", "b", "c", "d"], [(3, 1), (2, 3)]).tolist() == [0, 1, 1, 1]
    assert group_numbers(["a", "b", "c", "d"], [(3, 0)], known=[7, 8, 7]).tolist() == [0, 1, 0, 0]
    assert group_numbers(["a", "b"], known=[-1, -1]).tolist() == [0, 1]


@dataclass
class Pictures:
    """A dataset of encoded pictures, as far as likeness goes."""

    pictures: list[bytes]

    @property
    def hashes(self) -> list[str]:
        return [str(hash(picture)) for picture in self.pictures]

    def looks(self) -> NDArray[np.uint8]:
        return looks_of(*self.pictures)

    def __len__(self) -> int:
        return len(self.pictures)


def test_what_another_dataset_has_seen_is_told(photos: dict[str, NDArray[np.uint8]]) -> None:
    cat, coffee, rocket = (photos[name] for name in ("cat", "coffee", "rocket"))
    tested = Pictures([encoded(coffee), encoded(rocket)])
    learnt = Pictures([encoded(cat), encoded(coffee, 120, 50), encoded(rocket), encoded(cat, 100, 50)])
    assert seen_in(learnt, tested).tolist() == [False, True, True, False]  # type: ignore[arg-type]


def test_a_film_costs_one_pair_a_frame() -> None:
    random = np.random.default_rng(1)
    frames = np.repeat(random.integers(0, 255, (1, LOOK_BYTES), dtype=np.uint8), 400, axis=0)
    frames[:, 8:] = np.clip(frames[:, 8:].astype(int) + random.integers(-2, 3, (400, LOOK_BYTES - 8)), 0, 255)
    pairs = near_pairs(frames)
    assert len(pairs) == 399
    assert not group_numbers([str(number) for number in range(400)], pairs.tolist()).any()
