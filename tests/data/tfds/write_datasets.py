"""Writes real datasets with TensorFlow Datasets' own tools: `python write_datasets.py PICTURES DATA_DIR FORMAT`.

A process of its own: TensorFlow Datasets, and TensorFlow with it, stay out of the tests' process.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import tensorflow_datasets as tfds

CLASSES = ["cat", "coffee", "rocket"]
PICTURES = Path(sys.argv[1])
_FEATURES = tfds.features


class _Builder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    VERSION = tfds.core.Version("1.0.0")

    def _info(self) -> Any:
        features = _FEATURES.FeaturesDict(
            {
                "image": _FEATURES.Image(),
                "image/filename": _FEATURES.Text(),
                "label": _FEATURES.ClassLabel(names=CLASSES),
                "weight": _FEATURES.Scalar(dtype=np.float32),
            }
        )
        return tfds.core.DatasetInfo(
            builder=self,
            description="Three photos, cut into squares.",
            features=features,
            supervised_keys=("image", "label"),
            homepage="https://example.org/squares",
            citation="@misc{squares}",
        )

    def _generate_examples(self) -> Any: ...

    def _examples(self, first: int, last: int) -> Iterator[Any]:
        for name in CLASSES:
            for path in sorted((PICTURES / name).iterdir())[first:last]:
                key = f"{name}/{path.name}"
                yield key, {"image": path, "image/filename": key, "label": name, "weight": 0.5}

    @staticmethod
    def _odd(name: str, data: bytes, label: int) -> Any:
        return name, {"image": data, "image/filename": name, "label": label, "weight": 0.5}


class Squares(_Builder):
    """Three splits, and a fourth that is none of the usual ones; one broken picture and one without a class."""

    def _split_generators(self, _manager: Any) -> Any:
        return {
            "train": self._training(),
            "validation": self._examples(8, 10),
            "test": self._examples(10, 12),
            "extra": self._examples(0, 1),
        }

    def _training(self) -> Iterator[Any]:
        yield from self._examples(0, 8)
        whole = (PICTURES / "cat" / "000.jpg").read_bytes()
        yield self._odd("broken", whole[: len(whole) // 2], 0)
        yield self._odd("classless", whole, -1)


class OnlyTrain(_Builder):
    """No parts but train, in three files."""

    def _split_generators(self, _manager: Any) -> Any:
        return {"train": self._examples(0, 12)}


class Halves(_Builder):
    """Two variants."""

    BUILDER_CONFIGS: ClassVar = [tfds.core.BuilderConfig(name="large"), tfds.core.BuilderConfig(name="small")]

    def _split_generators(self, _manager: Any) -> Any:
        return {"test": self._examples(0, 6 if self.builder_config.name == "large" else 3)}


class Words(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """No pictures."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self) -> Any:
        features = _FEATURES.FeaturesDict({"text": _FEATURES.Text(), "label": _FEATURES.ClassLabel(num_classes=2)})
        return tfds.core.DatasetInfo(builder=self, features=features, supervised_keys=("text", "label"))

    def _split_generators(self, _manager: Any) -> Any:
        return {"train": self._generate_examples()}

    def _generate_examples(self) -> Iterator[Any]:
        yield 0, {"text": "word", "label": 1}


def main() -> None:
    data_dir, file_format = sys.argv[2:]
    three = tfds.download.DownloadConfig(num_shards=3)
    Squares(data_dir=data_dir, file_format=file_format).download_and_prepare()
    OnlyTrain(data_dir=data_dir, file_format=file_format).download_and_prepare(download_config=three)
    for config in ("large", "small"):
        Halves(data_dir=data_dir, config=config, file_format=file_format).download_and_prepare()
    Words(data_dir=data_dir, file_format=file_format).download_and_prepare()
    if file_format == "array_record":
        assert "tensorflow" not in sys.modules


if __name__ == "__main__":
    main()
