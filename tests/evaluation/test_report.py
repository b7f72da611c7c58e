from pathlib import Path

import numpy as np
import pytest

from tlcore.evaluation.report import read_test_pictures, write_test_pictures


def test_test_pictures_come_back_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "test_pictures.parquet"
    probabilities = np.array([[0.25, 0.75], [0.9, 0.1]], dtype=np.float32)
    write_test_pictures(
        path, ["a/1.jpg", "b/2.jpg"], ["x", "y"], np.array([7, 3]), np.array([0, 0], dtype=np.int32), probabilities
    )
    first, second = read_test_pictures(path)
    assert (first.key, first.index, first.truth, first.answer) == ("a/1.jpg", 7, 0, 1)
    assert first.confidence == pytest.approx(0.75)
    assert not first.right
    assert second.right


def test_a_run_without_test_pictures_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_test_pictures(tmp_path / "none.parquet")
