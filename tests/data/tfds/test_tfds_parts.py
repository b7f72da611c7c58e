from __future__ import annotations

from typing import Any

import pytest

from tlcore.data.tfds.parts import parts_of


@pytest.mark.parametrize(
    ("splits", "parts"),
    [
        (["train", "validation", "test"], {"train": "train", "validation": "validation", "test": "test"}),
        (["train"], {"train": "train"}),
        (["test", "train", "extra", "unlabelled"], {"train": "train", "test": "test"}),
        (["train", "val"], {"train": "train", "val": "validation"}),
        (
            ["trainA", "trainB", "testA", "testB"],
            {"trainA": "train", "trainB": "train", "testA": "test", "testB": "test"},
        ),
        (["test"], {"test": None}),
        (["test", "validation"], {"test": None, "validation": None}),
        (["small", "large"], {"small": None, "large": None}),
        ([], {}),
    ],
)
def test_splits_by_their_names(splits: list[str], parts: dict[str, Any]) -> None:
    assert parts_of(splits) == parts
