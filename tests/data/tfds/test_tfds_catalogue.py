from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from tlcore.data.tfds.catalogue import SHORT_LIST, find_entry, search_catalogue
from tlcore.data.tfds.short_list import KNOWN

ROOT = Path(__file__).parents[3]
HERE = Path(__file__).parent


def test_the_short_list_comes_first_with_what_is_known() -> None:
    entries = search_catalogue("")
    assert tuple(entry.id for entry in entries[: len(SHORT_LIST)]) == SHORT_LIST
    assert [entry.id for entry in entries if entry.beginner] == list(SHORT_LIST)
    beans = entries[2]
    assert (beans.name, beans.pictures, beans.classes) == ("Bean leaf diseases", 1_034 + 133 + 128, 3)
    assert beans.download_bytes == 180_024_906
    assert beans.homepage.startswith("https://")
    assert "Makerere" in beans.citation
    assert {known.id for known in KNOWN} == set(SHORT_LIST)


def test_every_entry_is_whole() -> None:
    entries = search_catalogue("")
    assert len({entry.id for entry in entries}) == len(entries)
    for entry in entries:
        assert entry.classes == len(set(entry.class_names)) >= 2, entry.id
        assert entry.id.endswith(entry.config)
        assert entry.beginner or (entry.pictures, entry.download_bytes, entry.splits) == (None, None, {}), entry.id
    assert sum(bool(entry.description) for entry in entries) > 0.95 * len(entries)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("cats dogs", "cats_vs_dogs"),
        ("CATS_VS_DOGS", "cats_vs_dogs"),
        ("sentinel satellite", "eurosat/rgb"),
        ("letters", "emnist/letters"),
    ],
)
def test_searching_by_words(text: str, found: str) -> None:
    assert found in [entry.id for entry in search_catalogue(text)]


def test_words_that_nothing_has_find_nothing() -> None:
    assert search_catalogue("cats zyzzyva") == ()


def test_what_is_no_picture_with_a_class_is_not_listed() -> None:
    listed = {entry.id.partition("/")[0] for entry in search_catalogue("")}
    # Faces with names as text, several classes at once, captions, depth: what a quick look takes for classification.
    assert not listed & {"lfw", "chexpert", "bigearthnet", "coco_captions", "nyu_depth_v2", "voc"}
    assert "eurosat/all" not in {entry.id for entry in search_catalogue("eurosat")}


def test_a_bare_name_means_the_default_variant() -> None:
    letters, bare = find_entry("emnist/letters"), find_entry("emnist")
    assert letters is not None
    assert letters.classes == 37
    assert bare is not None
    assert (bare.id, bare.default) == ("emnist/byclass", True)
    assert find_entry("emnist/nothing") is None
    assert find_entry("nothing") is None


def test_what_has_to_be_fetched_by_hand_says_how() -> None:
    by_hand = {entry.id for entry in search_catalogue("") if entry.manual}
    assert {"imagenet2012", "resisc45"} <= by_hand
    assert not by_hand & set(SHORT_LIST)


def test_the_catalogue_is_of_the_installed_version_and_every_builder_opens() -> None:
    """All of them in one process, in about ten seconds."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, HERE / "open_every_builder.py"]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr[-3000:]
    answer = json.loads(ran.stdout)
    assert answer["problems"] == {}
    assert answer["opened"] == len(search_catalogue("")) > 300
    assert answer["version"] == version("tensorflow-datasets") == search_catalogue("")[0].tfds_version


def test_the_script_finds_the_same_again(tmp_path: Path) -> None:
    """On builders of every kind; all of them take as long as the network needs to fail."""
    names = [
        "beans",
        "bigearthnet",
        "criteo",
        "emnist",
        "eurosat",
        "lfw",
        "oxford_iiit_pet",
        "resisc45",
        "wmt_translate",
    ]
    code = (
        "import sys, tensorflow_datasets as tfds\n"
        "from pathlib import Path\n"
        "from tlcore.data.tfds.make_catalogue import make_catalogue\n"
        f"tfds.list_builders = lambda **_: {names}\n"
        "make_catalogue(Path(sys.argv[1]))"
    )
    path = tmp_path / "catalogue.json"
    ran = subprocess.run([sys.executable, "-c", code, path], cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr[-3000:]
    made = json.loads(path.read_text())
    assert made["unreadable"] == ["wmt_translate"]
    assert [dataset["name"] for dataset in made["datasets"]] == [
        "beans",
        "emnist",
        "eurosat",
        "oxford_iiit_pet",
        "resisc45",
    ]
    shipped = json.loads((ROOT / "tlcore/data/tfds/catalogue.json").read_text())
    of_name = {dataset["name"]: dataset for dataset in shipped["datasets"]}
    for dataset in made["datasets"]:
        same = of_name[dataset["name"]]
        for variant, other in zip(dataset["variants"], same["variants"], strict=True):
            assert made["class_lists"][variant.pop("class_list")] == shipped["class_lists"][other.pop("class_list")]
        assert dataset == same
