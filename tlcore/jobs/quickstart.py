"""The shortest way to a first success: a bundled sample, the default settings, one picture that the model never saw."""

from __future__ import annotations

from dataclasses import dataclass

from tlcore.config import RunConfig
from tlcore.data.catalog import open_dataset
from tlcore.errors import RunError
from tlcore.evaluation.report import TestPicture, read_test_pictures
from tlcore.files import read_json
from tlcore.runs.folder import RunFolder
from tlcore.workspace import Workspace


def quickstart_config() -> RunConfig:
    """The sample's configuration. Epochs of the head cost a tenth of a second each, so there may be more of them."""
    return RunConfig(dataset="sample/digits", epochs=20, learning_rate=5e-3)


@dataclass(frozen=True)
class HeldOutPicture:
    """A test picture of a finished run: it took no part in training.

    Attributes:
        key: Its name in the dataset.
        data: The encoded picture.
        class_name: What it truly shows.
    """

    key: str
    data: bytes
    class_name: str


def held_out_picture(workspace: Workspace, run_id: str, number: int = 0) -> HeldOutPicture:
    """One of the pictures that a run was tested on.

    Args:
        workspace: Where the run is.
        run_id: A finished run.
        number: Which of its test pictures; counted round, so that any number will do.

    Raises:
        RunError: The run has no test pictures, or all of them were removed from its dataset.
        DatasetError: Its dataset is gone.
    """
    folder = RunFolder.find(workspace, run_id)
    pictures = _test_pictures(folder)
    report = read_json(folder.report)
    use = report["dataset"]
    dataset = open_dataset(workspace, use["test_dataset"] or use["id"], with_excluded=True)
    for step in range(len(pictures)):
        chosen = pictures[(number + step) % len(pictures)]
        # By its name: the dataset may have been changed after the test.
        index = dataset.index_of(chosen.key)
        if index is not None and chosen.sha256 in ("", dataset.hashes[index]):
            return HeldOutPicture(chosen.key, dataset.read(index), report["class_names"][chosen.truth])
    raise RunError(
        "None of this run's test pictures is in its dataset any more",
        value=folder.id,
        hint="Upload a picture, or train again with the dataset as it is now.",
    )


def _test_pictures(folder: RunFolder) -> list[TestPicture]:
    try:
        return read_test_pictures(folder.test_pictures)
    except FileNotFoundError as error:
        raise RunError("This run has no test pictures", value=folder.id, hint="Choose a finished run.") from error
