from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tlcore.data.catalog import (
    delete_dataset,
    ensure_dataset,
    find_dataset,
    is_prepared,
    list_datasets,
    open_dataset,
)
from tlcore.data.edits import remove_pictures
from tlcore.data.importer import import_pictures
from tlcore.data.samples import MARGIN, SAMPLES, prepare_sample
from tlcore.data.thumbnail_store import ThumbnailStore, store_path
from tlcore.errors import DatasetError, InputError
from tlcore.images.decode import load_picture
from tlcore.progress import Stopped
from tlcore.workspace import Workspace


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.id)
def test_a_prepared_sample_has_what_its_description_promises(workspace: Workspace, sample: Any) -> None:
    dataset = ensure_dataset(workspace, sample.id)
    known = {"created", "fingerprint", "duplicates"}
    assert dataset.info.model_dump(exclude=known) == sample.model_dump(exclude=known)
    assert len(dataset) == len(set(dataset.keys)) == sample.pictures
    assert load_picture(dataset.read(len(dataset) - 1), None, workspace.limits).shape == (64, 64, 3)
    assert sample.licence
    assert sample.homepage.startswith("https://")


def test_texture_parts_share_no_pixel(workspace: Workspace) -> None:
    from skimage import data

    dataset = ensure_dataset(workspace, "sample/textures")
    columns: dict[Any, set[int]] = {"train": set(), "validation": set(), "test": set()}
    for index, key in enumerate(dataset.keys):
        row, column = (int(number) for number in Path(key).stem.split("-"))
        photo = getattr(data, dataset.info.class_names[dataset.labels[index]])()
        patch = load_picture(dataset.read(index), None, workspace.limits)[..., 0]
        assert np.array_equal(patch, photo[row * 64 : row * 64 + 64, column * 64 : column * 64 + 64])
        columns[dataset.parts[index]].add(column)
    assert columns == {"train": {0, 1, 2, 3, 4}, "validation": {5}, "test": {6, 7}}


def test_digits_look_like_their_scans(workspace: Workspace) -> None:
    from sklearn.datasets import load_digits

    dataset = ensure_dataset(workspace, "sample/digits")
    paper = load_picture(dataset.read(5), 8 + 2 * MARGIN, workspace.limits)[..., 0]
    ink = (255 - paper[MARGIN:-MARGIN, MARGIN:-MARGIN]) / 255 * 16
    assert np.abs(ink - load_digits().images[5]).mean() < 2
    assert dataset.labels.tolist() == load_digits().target.tolist()


def test_preparing_twice_changes_nothing_and_a_damaged_sample_is_made_anew(workspace: Workspace) -> None:
    first = prepare_sample(workspace, "sample/textures")
    assert prepare_sample(workspace, "sample/textures") == first
    (workspace.datasets / "sample/textures/versions/000001.parquet").write_bytes(b"broken")
    again = prepare_sample(workspace, "sample/textures")
    assert again.fingerprint == first.fingerprint
    assert len(open_dataset(workspace, "sample/textures")) == 192


def test_a_stop_leaves_no_half_sample(workspace: Workspace, listener: Any) -> None:
    with pytest.raises(Stopped):
        prepare_sample(workspace, "sample/textures", listener(stop_after=5))
    assert not is_prepared(workspace, "sample/textures")
    assert list(workspace.incoming.iterdir()) == []


def test_samples_are_known_before_they_are_prepared(workspace: Workspace) -> None:
    assert [info.id for info in list_datasets(workspace)] == ["sample/digits", "sample/textures"]
    assert find_dataset(workspace, "sample/digits").pictures == 1797
    assert not is_prepared(workspace, "sample/digits")
    with pytest.raises(DatasetError, match=r"datasets prepare sample/digits"):
        open_dataset(workspace, "sample/digits")


def test_own_datasets_are_listed_found_and_deleted(workspace: Workspace, picture_folder: Path) -> None:
    info = import_pictures(workspace, picture_folder, "Pets")
    assert list_datasets(workspace)[2:] == [info]
    assert find_dataset(workspace, "my/Pets") == info
    delete_dataset(workspace, "my/Pets")
    assert not is_prepared(workspace, "my/Pets")
    assert list(workspace.incoming.iterdir()) == []
    with pytest.raises(DatasetError, match="no such dataset"):
        delete_dataset(workspace, "my/Pets")


def test_small_copies_go_with_a_dataset_and_all_its_versions(workspace: Workspace, picture_folder: Path) -> None:
    info = import_pictures(workspace, picture_folder, "Pets")
    digests = open_dataset(workspace, info.id).hashes
    remove_pictures(workspace, info.id, ["cat/000.jpg"])
    with ThumbnailStore(store_path(workspace)) as store:
        store.put({**dict.fromkeys(digests, b"copy"), "of another dataset": b"copy"}, 100)

        delete_dataset(workspace, info.id)

        assert store.get([*digests, "of another dataset"], 100) == {"of another dataset": b"copy"}


@pytest.mark.parametrize(
    "unknown",
    ["my/nothing", "bean", "beans/none", "cats vs dogs", "sample/digit", "my/../sample/digits", "my/..", "/", ""],
)
def test_unknown_datasets_are_told_with_the_options(workspace: Workspace, unknown: str) -> None:
    with pytest.raises(InputError, match=r"no such dataset.*sample/digits|can't be the name|two parts"):
        find_dataset(workspace, unknown)
    with pytest.raises(InputError):
        delete_dataset(workspace, unknown)


def test_samples_cannot_be_deleted(workspace: Workspace) -> None:
    prepare_sample(workspace, "sample/textures")
    with pytest.raises(DatasetError, match="can't be deleted"):
        delete_dataset(workspace, "sample/textures")
    assert is_prepared(workspace, "sample/textures")


def test_a_damaged_dataset_does_not_hide_the_others(
    workspace: Workspace, make_folder: Callable[..., Path], tmp_path: Path
) -> None:
    folder = make_folder(tmp_path / "pictures", cat=2, coffee=2)
    for name in ("a", "b"):
        import_pictures(workspace, folder, name)
    (workspace.datasets / "my/a/dataset.json").write_text("{")
    assert [info.id for info in list_datasets(workspace)][2:] == ["my/b"]
    with pytest.raises(DatasetError, match="damaged"):
        find_dataset(workspace, "my/a")
    delete_dataset(workspace, "my/a")
    shutil.rmtree(workspace.datasets / "my/b")
    assert len(list_datasets(workspace)) == 2


def test_pages_can_use_the_catalogue_without_heavy_packages() -> None:
    code = (
        "import sys, tlcore.data.catalog, tlcore.data.importer, tlcore.data.splits, tlcore.data.batches\n"
        "import tlcore.data.thumbnails\n"
        "print(sorted({'tensorflow', 'keras', 'sklearn', 'skimage', 'scipy', 'streamlit'} & set(sys.modules)))"
    )
    home = Path(__file__).parents[2]
    ran = subprocess.run([sys.executable, "-c", code], cwd=home, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
