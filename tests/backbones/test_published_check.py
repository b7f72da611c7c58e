"""The measure itself: what counts as right, and how it is told."""

from __future__ import annotations

from pathlib import Path

import click
import keras
import pytest
import skimage.data
from click.testing import CliRunner
from PIL import Image

from tlcore.backbones.catalogue_lite import BACKBONES
from tlcore.backbones.published_check import CATS, DOGS, build_classifier, main, score


@pytest.fixture(scope="module")
def classifier() -> keras.Model:
    return build_classifier(BACKBONES[0])


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    """A cat, and a cup of coffee."""
    paths = [tmp_path / "cat.png", tmp_path / "coffee.png"]
    for path, pixels in zip(paths, [skimage.data.chelsea(), skimage.data.coffee()], strict=True):
        Image.fromarray(pixels).save(path)
    return paths


def test_only_the_animals_own_classes_count(classifier: keras.Model, photos: list[Path]) -> None:
    cats = score(classifier, photos, CATS)
    assert (cats.right, cats.count, cats.share) == (1, 2, 0.5)
    assert score(classifier, photos, DOGS).right == 0


def test_a_file_that_is_no_picture_is_named(classifier: keras.Model, photos: list[Path]) -> None:
    photos[1].write_text("not a picture")
    with pytest.raises(click.ClickException, match=r"coffee\.png"):
        score(classifier, photos, CATS)


def test_an_empty_folder_is_bad_usage(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["--cats", str(tmp_path), "--dogs", str(tmp_path)])
    assert result.exit_code == 2
    assert "holds no pictures" in result.output
