"""Predicting with a real finished run."""

import json
import shutil
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import pytest

from tests.conftest import FinishedRun
from tlcore.data.catalog import open_dataset
from tlcore.errors import BundleError, InputError, PictureError
from tlcore.evaluation.report import read_test_pictures
from tlcore.images.decode import load_picture
from tlcore.images.guard import GuardedDecoder
from tlcore.jobs.predictions import predict_pictures
from tlcore.runs.folder import RunFolder
from tlcore.serving.predictor import Predictor


@pytest.fixture
def decoder(finished_run: FinishedRun) -> Iterator[GuardedDecoder]:
    with GuardedDecoder(finished_run.workspace.limits) as guarded:
        yield guarded


def test_answers_are_those_of_the_report(finished_run: FinishedRun, decoder: GuardedDecoder) -> None:
    predictor = Predictor.open(finished_run.workspace, finished_run.run_id, decoder.load)
    folder = RunFolder.find(finished_run.workspace, finished_run.run_id)
    dataset = open_dataset(finished_run.workspace, "sample/textures")
    for picture in read_test_pictures(folder.test_pictures)[::8]:
        prediction = predictor.predict(picture.key, dataset.read(picture.index))
        assert prediction.error is None
        assert prediction.label == predictor.class_names[picture.answer]
        ours = [prediction.probabilities[name] for name in predictor.class_names]
        assert np.abs(np.array(ours) - picture.probabilities).max() < 1e-3
        assert list(prediction.probabilities.values()) == sorted(ours, reverse=True)


def test_a_bad_picture_is_an_answer_and_the_next_one_is_fine(
    finished_run: FinishedRun, decoder: GuardedDecoder, crop: Callable[..., bytes]
) -> None:
    def gone() -> bytes:
        raise PictureError("The file is gone")

    pictures = [("bad.jpg", lambda: b"no picture"), ("gone.jpg", gone), ("good.jpg", lambda: crop("cat", 1))]
    bad, missing, good = predict_pictures(finished_run.workspace, finished_run.run_id, decoder, pictures)
    assert (bad.label, bad.confidence, bad.probabilities) == (None, None, {})
    assert bad.error
    assert missing.error == "The file is gone."
    assert good.error is None
    assert sum(good.probabilities.values()) == pytest.approx(1, abs=1e-5)


def test_many_pictures_are_answered_as_single_ones(finished_run: FinishedRun, decoder: GuardedDecoder) -> None:
    """A few at a time, which takes no memory that grows with their number."""
    predictor = Predictor.open(finished_run.workspace, finished_run.run_id, decoder.load)
    pictures = np.random.default_rng(1).integers(0, 256, (5, 64, 64, 3), dtype=np.uint8)
    network, sizes = predictor._network, []
    predictor._network = lambda batch: sizes.append(len(batch)) or network(batch)
    together = predictor.probabilities(pictures)
    assert together.shape == (5, len(predictor.class_names))
    assert sum(sizes) == 5
    assert max(sizes) <= 2
    alone = np.concatenate([predictor.probabilities(picture[None]) for picture in pictures])
    assert np.abs(together - alone).max() < 1e-4


def test_another_picture_size(finished_run: FinishedRun, decoder: GuardedDecoder, crop: Callable[..., bytes]) -> None:
    workspace, run_id = finished_run.workspace, finished_run.run_id
    usual = Predictor.open(workspace, run_id, decoder.load)
    larger = Predictor.open(workspace, run_id, decoder.load, 96)
    assert (usual.image_size, larger.image_size) == (64, 96)
    one, other = (predictor.predict("cat", crop("cat", 1)) for predictor in (usual, larger))
    assert one.probabilities != other.probabilities


@pytest.mark.parametrize("size", [0, 31])
def test_a_size_that_the_network_can_not_take_is_refused(
    finished_run: FinishedRun, decoder: GuardedDecoder, size: int
) -> None:
    with pytest.raises(InputError, match=r"too small.*32 or more; 64"):
        Predictor.open(finished_run.workspace, finished_run.run_id, decoder.load, size)


def test_a_run_without_a_model_is_told(finished_run: FinishedRun, decoder: GuardedDecoder) -> None:
    with pytest.raises(BundleError, match="no model to predict with"):
        Predictor.open(finished_run.workspace, "20260101-000000-aaaa", decoder.load)


def test_without_a_converted_network_a_worker_with_keras_answers_the_same(
    finished_run: FinishedRun, decoder: GuardedDecoder, crop: Callable[..., bytes]
) -> None:
    workspace = finished_run.workspace
    original = RunFolder.find(workspace, finished_run.run_id)
    copy = RunFolder(workspace.runs / "20260101-000000-kera")
    shutil.copytree(original.path, copy.path)
    try:
        description = copy.bundle / "bundle.json"
        description.write_text(json.dumps(json.loads(description.read_text()) | {"engine": "keras"}))
        (copy.bundle / "model.xml").unlink()
        pictures = [("cat", lambda: crop("cat", 1)), ("bad", lambda: b"no picture")]
        ours, bad = predict_pictures(workspace, copy.id, decoder, pictures)
        (theirs,) = predict_pictures(workspace, original.id, decoder, pictures[:1])
        assert ours.label == theirs.label
        assert ours.confidence == pytest.approx(theirs.confidence, abs=1e-3)
        assert bad.error
        with pytest.raises(BundleError, match="64"):
            next(predict_pictures(workspace, copy.id, decoder, pictures, image_size=96))
        with pytest.raises(BundleError, match="through a worker"):
            Predictor.open(workspace, copy.id, partial(load_picture, limits=workspace.limits))
    finally:
        shutil.rmtree(copy.path)


def test_a_damaged_bundle_is_told(finished_run: FinishedRun, decoder: GuardedDecoder) -> None:
    workspace = finished_run.workspace
    copy = RunFolder(workspace.runs / "20260101-000000-dama")
    shutil.copytree(RunFolder.find(workspace, finished_run.run_id).path, copy.path)
    try:
        (copy.bundle / "model.xml").write_text("<net")
        with pytest.raises(BundleError, match="can't be loaded"):
            Predictor.open(workspace, copy.id, decoder.load)
        (copy.bundle / "bundle.json").write_text("{")
        with pytest.raises(BundleError, match="can't be read"):
            Predictor.open(workspace, copy.id, decoder.load)
    finally:
        shutil.rmtree(copy.path)
