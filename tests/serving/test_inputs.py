import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tlcore.errors import ImportRefused, InputError, PictureError
from tlcore.serving.inputs import pictures_from
from tlcore.workspace import Limits


def test_files_folders_and_zips_give_their_pictures(tmp_path: Path, picture_folder: Path) -> None:
    one = next(picture_folder.glob("cat/*.jpg"))
    archive = tmp_path / "pictures.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.write(one, "inside/one.jpg")
    found = [(name, len(read())) for name, read in pictures_from([one, picture_folder / "cat", archive], Limits())]
    size = one.stat().st_size
    assert found[0] == (str(one), size)
    assert found[-1] == ("pictures.zip/inside/one.jpg", size)
    assert len(found) == 2 + sum(1 for _ in (picture_folder / "cat").iterdir())


def test_a_missing_path_and_a_zip_that_is_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        list(pictures_from([tmp_path / "nothing.jpg"], Limits()))
    (tmp_path / "false.zip").write_bytes(b"no zip")
    with pytest.raises(ImportRefused, match="not a zip"):
        list(pictures_from([tmp_path / "false.zip"], Limits()))


def test_a_file_that_vanishes_is_told_when_it_is_read(tmp_path: Path, crop: Callable[..., bytes]) -> None:
    path = tmp_path / "cat.jpg"
    path.write_bytes(crop("cat", 1))
    ((_, read),) = pictures_from([path], Limits())
    path.unlink()
    with pytest.raises(PictureError, match="can't be read"):
        read()
