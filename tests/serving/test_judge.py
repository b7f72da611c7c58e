from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from tlcore.errors import DatasetError, PictureError
from tlcore.serving.inputs import Picture
from tlcore.serving.judge import judge, labelled_pictures
from tlcore.serving.predictor import Prediction
from tlcore.workspace import Limits

NAMES = ("cat", "dog")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, count in {"cat": 3, "dog": 2}.items():
        (tmp_path / name).mkdir()
        for number in range(count):
            (tmp_path / name / f"{number}.jpg").write_text(name)
    (tmp_path / "cat" / ".hidden").write_text("hidden")
    return tmp_path


def always_cat(pictures: Iterable[Picture]) -> Iterator[Prediction]:
    for name, read in pictures:
        if read() == b"broken":
            yield Prediction.refused(name, PictureError("broken"))
        else:
            chances = {"cat": 0.9, "dog": 0.1}
            yield Prediction(file=name, label="cat", confidence=0.9, probabilities=chances, error=None)


def test_figures_by_class_and_what_was_left_out(folder: Path) -> None:
    (folder / "dog" / "9.jpg").write_text("broken")
    data = judge(labelled_pictures(folder, NAMES), NAMES, always_cat, Limits())
    assert data["test"]["count"] == 5
    assert data["test"]["accuracy"] == pytest.approx(0.6)
    assert data["confusion"] == [[3, 0], [2, 0]]
    assert data["per_class"]["dog"]["recall"] == 0
    assert [Path(item["file"]).name for item in data["rejected"]] == ["9.jpg"]


def test_unknown_classes_and_empty_folders_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"none of the model's classes.*dog.*cat"):
        labelled_pictures(folder, ("cat", "cow"))
    with pytest.raises(DatasetError, match="no such folder"):
        labelled_pictures(tmp_path / "nothing", NAMES)
    (tmp_path / "empty" / "cat").mkdir(parents=True)
    with pytest.raises(DatasetError, match="no pictures"):
        labelled_pictures(tmp_path / "empty", NAMES)
