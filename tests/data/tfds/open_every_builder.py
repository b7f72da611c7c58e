"""Opens every dataset of the catalogue with TensorFlow Datasets' own mocks, and tells in JSON what does not fit."""

from __future__ import annotations

import json
import os
import tempfile
from typing import Any

from tlcore.data.tfds.catalogue import CatalogueEntry, search_catalogue
from tlcore.data.tfds.pair import labelled_pair


def problem_of(tfds: Any, entry: CatalogueEntry, data_dir: str) -> str:
    """What does not fit between the catalogue and the builder; "" where all does."""
    builder = tfds.builder(entry.id, data_dir=data_dir)
    pair = labelled_pair(builder.info.features.to_json(), builder.info.supervised_keys)
    if pair is None:
        return "no pair"
    if tuple(builder.info.features[pair.label].names) != entry.class_names:
        return "other classes"
    example = builder.as_data_source(split="train")[0]
    picture, label = example[pair.image], int(example[pair.label])
    if picture.dtype.name not in ("uint8", "uint16") or picture.ndim != 3:
        return f"the picture is {picture.dtype} {picture.shape}"
    return "" if 0 <= label < entry.classes else f"the label is {label}"


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # libraries print
    import tensorflow_datasets as tfds

    problems: dict[str, str] = {}
    entries = sorted(search_catalogue(""), key=lambda entry: entry.id)
    with tfds.testing.mock_data(num_examples=1), tempfile.TemporaryDirectory() as empty:
        for entry in entries:
            try:
                problem = problem_of(tfds, entry, empty)
            except Exception as error:  # noqa: BLE001 - each builder is somebody else's code: told in the answer
                problem = repr(error)
            if problem:
                problems[entry.id] = problem
    json.dump({"opened": len(entries), "version": tfds.__version__, "problems": problems}, answers)


if __name__ == "__main__":
    main()
