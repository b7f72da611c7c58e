import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tlcore.config import AUGMENTATION_PRESETS
from tlcore.data.catalog import open_dataset
from tlcore.data.dataset import Dataset
from tlcore.data.importer import import_pictures
from tlcore.errors import PictureError
from tlcore.images import decode
from tlcore.images.augment import augment, view_rng
from tlcore.images.decode import load_picture
from tlcore.progress import Silence, Stopped
from tlcore.training import pictures
from tlcore.training.pictures import BATCH, cached_pictures, image_recipe, make_views, told_batches
from tlcore.training.sources import RowsSource
from tlcore.workspace import Workspace


@pytest.fixture
def dataset(workspace: Workspace, picture_folder: Path) -> Dataset:
    import_pictures(workspace, picture_folder, "pets")
    return open_dataset(workspace, "my/pets")


class Counted:
    """Counts the pictures that are read through it."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self.read_indices: list[int] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._dataset, name)

    def __len__(self) -> int:
        return len(self._dataset)

    def read(self, index: int) -> bytes:
        self.read_indices.append(index)
        return self._dataset.read(index)


def expected(workspace: Workspace, dataset: Dataset, indices: np.ndarray, size: int) -> np.ndarray:
    return np.stack([load_picture(dataset.read(index), size, workspace.limits) for index in indices.tolist()])


def test_pictures_are_decoded_once_and_then_found_in_any_order(workspace: Workspace, dataset: Dataset) -> None:
    source: Any = Counted(dataset)
    some = np.array([5, 0, 17])
    cache, rows, hit = cached_pictures(workspace, source, some, 24, Silence())
    with cache:
        assert not hit
        assert rows.shape == (3, 24, 24, 3)
        assert np.array_equal(rows[:], expected(workspace, dataset, some, 24))
    source.read_indices.clear()
    more = np.array([17, 3, 5])
    cache, rows, hit = cached_pictures(workspace, source, more, 24, Silence())
    with cache:
        assert not hit
        assert source.read_indices == [3]
        assert np.array_equal(rows[:], expected(workspace, dataset, more, 24))
    cache, rows, hit = cached_pictures(workspace, source, more[::-1], 24, Silence())
    with cache:
        assert hit
        assert source.read_indices == [3]


def test_another_size_and_another_way_of_decoding_are_other_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = image_recipe("my/pets", 24)
    assert (recipe.row, recipe.dtype, recipe.kind) == ((24, 24, 3), "uint8", "images")
    keys = {recipe.key, image_recipe("my/pets", 25).key, image_recipe("my/others", 24).key}
    monkeypatch.setattr(pictures, "DECODING", decode.DECODING + "b")
    keys.add(image_recipe("my/pets", 24).key)
    assert len(keys) == 4


def test_no_pictures_are_no_work(workspace: Workspace, dataset: Dataset) -> None:
    cache, rows, hit = cached_pictures(workspace, dataset, np.array([], dtype=np.int64), 8, Silence())
    with cache:
        assert hit
        assert rows.shape == (0, 8, 8, 3)


def test_progress_counts_what_has_to_be_decoded_and_a_stop_keeps_what_was(
    workspace: Workspace, make_folder: Any, tmp_path: Path
) -> None:
    import_pictures(workspace, make_folder(tmp_path / "many", cat=50, coffee=30), "many")
    dataset = open_dataset(workspace, "my/many")

    class Impatient(Silence):
        heard: list[tuple[str, int, int]] = []  # noqa: RUF012

        def progress(self, task: str, done: int, total: int) -> None:
            self.heard.append((task, done, total))

        def stop_requested(self) -> bool:
            return self.heard[-1:] == [("Reading pictures", 2 * BATCH, 80)]

    everything = np.arange(80)
    with pytest.raises(Stopped):
        cached_pictures(workspace, dataset, everything, 16, Impatient())
    source: Any = Counted(dataset)
    patient = Impatient()
    patient.heard = []
    cache, _, _ = cached_pictures(workspace, source, everything, 16, patient)
    cache.close()
    assert sorted(source.read_indices) == list(range(2 * BATCH, 80))  # by several threads
    assert patient.heard == [("Reading pictures", done, 16) for done in (0, 16)]


def test_a_picture_that_vanished_is_named_and_the_others_stay(workspace: Workspace, dataset: Dataset) -> None:
    next((workspace.datasets / "my" / "pets" / "pictures").glob("*/000/000001.*")).unlink()
    with pytest.raises(PictureError, match=r"cat/001\.jpg"):
        cached_pictures(workspace, dataset, np.arange(4), 24, Silence())
    cache, rows, _ = cached_pictures(workspace, dataset, np.array([0, 2]), 24, Silence())
    with cache:
        assert np.array_equal(rows[:], expected(workspace, dataset, np.array([0, 2]), 24))


def test_a_full_disk_is_told_in_plain_words(workspace: Workspace, dataset: Dataset) -> None:
    code = (
        "import signal, resource, sys\nfrom pathlib import Path\nimport numpy as np\n"
        "from tlcore.data.catalog import open_dataset\nfrom tlcore.errors import WorkspaceError\n"
        "from tlcore.progress import Silence\nfrom tlcore.training.pictures import cached_pictures\n"
        "from tlcore.workspace import Workspace\nworkspace = Workspace.open(Path(sys.argv[1]))\n"
        "dataset = open_dataset(workspace, 'my/pets')\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "try:\n    cached_pictures(workspace, dataset, np.arange(24), 224, Silence())\n"
        "except WorkspaceError as error:\n    print(error)"
    )
    ran = subprocess.run([sys.executable, "-c", code, str(workspace.root)], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert "disk" in ran.stdout


def test_views_are_the_changed_pictures_in_the_order_that_was_asked_for(workspace: Workspace, dataset: Dataset) -> None:
    strong = AUGMENTATION_PRESETS["strong"]
    everything = np.arange(len(dataset))
    cache, rows, _ = cached_pictures(workspace, dataset, everything, 32, Silence())
    positions = np.resize(everything[::-1], BATCH + 5)
    with cache:
        batches = list(make_views(RowsSource(rows), dataset.hashes, positions, strong, seed=3, view=2))
        wanted = [
            augment(rows[np.array([place])][0], strong, view_rng(3, 2, dataset.hashes[place]))
            for place in positions.tolist()
        ]
        other = list(make_views(RowsSource(rows), dataset.hashes, positions, strong, seed=3, view=1))
    assert [len(batch) for batch in batches] == [BATCH, 5]
    assert np.array_equal(np.concatenate(batches), np.stack(wanted))
    assert not np.array_equal(np.concatenate(batches), np.concatenate(other))


def test_told_batches_are_the_same_batches() -> None:
    batches = [np.zeros((2, 1), np.uint8), np.ones((1, 1), np.uint8)]
    assert list(told_batches(batches, "", 3, Silence())) == batches
