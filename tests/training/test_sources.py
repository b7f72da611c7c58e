import hashlib
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tlcore.config import AUGMENTATION_PRESETS, AugmentationConfig
from tlcore.data.catalog import open_dataset
from tlcore.data.importer import import_pictures
from tlcore.errors import PictureError
from tlcore.images.augment import augment, view_rng
from tlcore.images.decode import load_picture
from tlcore.training.sources import AugmentedSource, DecodedSource, RowsSource, ViewSource, in_batches
from tlcore.workspace import Workspace

STRONG = AUGMENTATION_PRESETS["strong"]
PICTURES = np.random.default_rng(0).integers(0, 256, (20, 16, 16, 3), dtype=np.uint8)
HASHES = [hashlib.sha256(picture.tobytes()).hexdigest() for picture in PICTURES]


def test_rows_come_as_copies_in_the_order_that_was_asked_for() -> None:
    source = RowsSource(PICTURES)
    assert (len(source), source.shape, source.dtype) == (20, (16, 16, 3), np.uint8)
    positions = np.array([7, 0, 7])
    rows = source.batch(positions, turn=3)
    assert np.array_equal(rows, PICTURES[positions])
    assert not np.shares_memory(rows, PICTURES)


def numbered_views(views: int, count: int) -> list[NDArray[np.float32]]:
    """View v of picture p is the row (v, p)."""
    return [np.array([(view, place) for place in range(count)], dtype=np.float32) for view in range(views)]


def test_every_pass_takes_one_view_of_each_picture() -> None:
    source = ViewSource(numbered_views(5, 200), seed=1)
    everything = np.arange(200)
    turns = [source.batch(everything, turn) for turn in range(20)]
    for rows in turns:
        assert np.array_equal(rows[:, 1], everything)
        assert set(rows[:, 0]) == set(range(5))
    seen = np.stack([rows[:, 0] for rows in turns])
    assert all(abs((seen == view).mean() - 0.2) < 0.03 for view in range(5))
    assert (seen[0] != seen[1]).any()


def test_the_choice_of_views_hangs_on_seed_and_pass_and_not_on_batches() -> None:
    views = numbered_views(3, 50)
    whole = ViewSource(views, seed=4).batch(np.arange(50), turn=2)
    order = np.random.default_rng(0).permutation(50)
    source = ViewSource(views, seed=4)
    source.batch(order, turn=0)
    pieces = np.concatenate([source.batch(order[start : start + 7], turn=2) for start in range(0, 50, 7)])
    assert np.array_equal(pieces, whole[order])
    assert not np.array_equal(ViewSource(views, seed=5).batch(np.arange(50), turn=2), whole)


@pytest.mark.parametrize("other", [np.zeros((2, 3), np.float32), np.zeros((3, 2), np.float32), np.zeros((2, 2))])
def test_views_that_are_not_alike_are_refused(other: NDArray[Any]) -> None:
    with pytest.raises(ValueError, match="alike"):
        ViewSource([np.zeros((2, 2), np.float32), other], seed=1)


def test_pictures_are_changed_by_seed_and_pass_whatever_the_batches_and_threads() -> None:
    order = np.random.default_rng(1).permutation(20)
    expected = np.stack([augment(PICTURES[place], STRONG, view_rng(1, 6, HASHES[place])) for place in order])
    for threads in (1, 3):
        source = AugmentedSource(RowsSource(PICTURES), HASHES, STRONG, seed=1, threads=threads)
        pieces = [source.batch(order[start : start + 6], turn=6) for start in range(0, 20, 6)]
        assert np.array_equal(np.concatenate(pieces), expected)
        assert not np.array_equal(source.batch(order, turn=7), expected)
    other = AugmentedSource(RowsSource(PICTURES), HASHES, STRONG, seed=2)
    assert not np.array_equal(other.batch(order, turn=6), expected)


def test_threads_of_a_source_that_nobody_needs_any_more_end() -> None:
    before = set(threading.enumerate())
    source = AugmentedSource(RowsSource(PICTURES), HASHES, AugmentationConfig(flip="both"), seed=1, threads=3)
    source.batch(np.arange(20), turn=0)
    threads = {thread for thread in set(threading.enumerate()) - before if thread.name.startswith("augment")}
    assert 1 <= len(threads) <= 3
    del source
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)


def test_hashes_and_pictures_must_fit() -> None:
    with pytest.raises(ValueError, match="19 hashes for 20 pictures"):
        AugmentedSource(RowsSource(PICTURES), HASHES[:19], STRONG, seed=1)


def test_files_are_decoded_whenever_they_are_asked_for(workspace: Workspace, picture_folder: Path) -> None:
    import_pictures(workspace, picture_folder, "pets")
    dataset = open_dataset(workspace, "my/pets")
    source = DecodedSource(dataset, np.array([5, 0, 17]), 24, workspace.limits)
    assert (len(source), source.shape, source.dtype) == (3, (24, 24, 3), np.uint8)
    rows = source.batch(np.array([2, 1]), turn=0)
    expected = [load_picture(dataset.read(index), 24, workspace.limits) for index in (17, 0)]
    assert np.array_equal(rows, np.stack(expected))
    next((workspace.datasets / "my" / "pets" / "pictures").glob("*/000/000000.*")).unlink()
    with pytest.raises(PictureError, match=r"cat/000\.jpg"):
        source.batch(np.array([1]), turn=1)


def test_the_next_batch_is_made_while_one_is_used() -> None:
    made: list[int] = []

    class Noting(RowsSource):
        def batch(self, positions: NDArray[np.int64], turn: int) -> NDArray[Any]:
            made.append(len(positions))
            return super().batch(positions, turn)

    batches = in_batches(Noting(PICTURES), np.arange(20)[::-1], 6)
    got = [next(batches)]
    until = time.monotonic() + 60
    while len(made) < 3 and time.monotonic() < until:
        time.sleep(0.01)
    assert made == [6, 6, 6]
    got.extend(batches)
    assert made == [6, 6, 6, 2]
    assert np.array_equal(np.concatenate(got), PICTURES[::-1])
    assert list(in_batches(RowsSource(PICTURES), np.arange(0), 6)) == []


def test_sources_need_no_tensorflow() -> None:
    code = "import sys, tlcore.training.sources, tlcore.training.pictures\nassert 'tensorflow' not in sys.modules"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
