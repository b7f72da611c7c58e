"""How good a finished model is on a folder of pictures that are sorted into class folders."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tlcore.data.listing import read_file
from tlcore.errors import DatasetError
from tlcore.evaluation.metrics import class_scores, confusion, score_with_interval
from tlcore.serving.inputs import Picture
from tlcore.serving.predictor import Prediction
from tlcore.workspace import Limits


@dataclass(frozen=True)
class LabelledPicture:
    """A file and the index of the class whose folder it lies in."""

    path: Path
    truth: int


def labelled_pictures(folder: Path, class_names: tuple[str, ...]) -> list[LabelledPicture]:
    """The files in the class folders of `folder`, in order; hidden ones are left out.

    Args:
        folder: Holds one folder for each class; not every class needs one.
        class_names: What the model can answer.

    Raises:
        DatasetError: There is no such folder, a folder is no class of the model, or there is no file at all.
    """
    if not folder.is_dir():
        raise DatasetError("There is no such folder", value=folder, hint="Give a folder of class folders.")
    pictures: list[LabelledPicture] = []
    for child in sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")):
        if child.name not in class_names:
            raise DatasetError(
                "A folder's name is none of the model's classes",
                value=child.name,
                options=class_names,
                hint="Name the folders like the classes that the model was trained with.",
            )
        files = sorted(path for path in child.rglob("*") if path.is_file() and not path.name.startswith("."))
        pictures += [LabelledPicture(path, class_names.index(child.name)) for path in files]
    if not pictures:
        raise DatasetError("There are no pictures in the folder", value=folder, hint="Give a folder of class folders.")
    return pictures


def judge(
    pictures: list[LabelledPicture],
    class_names: tuple[str, ...],
    predict: Callable[[Iterable[Picture]], Iterable[Prediction]],
    limits: Limits,
) -> dict[str, Any]:
    """The evaluate JSON without the run's id; pictures that can't be read are listed under `rejected`.

    Args:
        pictures: Files and their true classes.
        class_names: In the order of the model's answers.
        predict: Answers pictures in order.
        limits: How large a picture may be.

    Raises:
        DatasetError: Not one picture could be read.
    """
    named = ((str(picture.path), partial(read_file, picture.path, limits)) for picture in pictures)
    truth: list[int] = []
    rows: list[list[float]] = []
    rejected: list[dict[str, str]] = []
    for picture, prediction in zip(pictures, predict(named), strict=True):
        if prediction.error is not None:
            rejected.append({"file": prediction.file, "reason": prediction.error})
            continue
        truth.append(picture.truth)
        rows.append([prediction.probabilities[name] for name in class_names])
    if not rows:
        raise DatasetError("None of the pictures can be read", value=rejected[0]["reason"], hint="Give other pictures.")
    probabilities, true = np.array(rows, dtype=np.float32), np.array(truth, dtype=np.int32)
    per_class = class_scores(probabilities, true, class_names)
    return {
        "test": score_with_interval(probabilities, true).model_dump(mode="json"),
        "per_class": {name: scores.model_dump() for name, scores in per_class.items()},
        "confusion": confusion(probabilities, true),
        "rejected": rejected,
    }
