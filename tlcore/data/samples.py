"""The two bundled samples: made from pictures that installed packages bring, so they need no network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import distribution
from io import BytesIO
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tlcore.data.dataset import DatasetInfo, Part
from tlcore.data.stored import StoredDataset, dataset_folder, read_info, remove_dataset
from tlcore.data.writer import DatasetWriter
from tlcore.errors import DatasetError, ImportRefused
from tlcore.images.decode import PictureFacts
from tlcore.progress import Reporter, Silence, Stopped
from tlcore.workspace import Workspace

SIDE: Final = 64
"""Side of the samples' pictures, in pixels."""

MARGIN: Final = 2
"""White pixels around each scan of a digit, before it is scaled up."""

DIGITS = DatasetInfo(
    id="sample/digits",
    name="Handwritten digits",
    source="sample",
    description="1,797 small grey scans of digits that 13 people wrote by hand, ten classes from 0 to 9. Trains in "
    "seconds. Each scan is 8 by 8 pixels, given a white margin and scaled up to 64 by 64.",
    class_names=tuple("0123456789"),
    counts=dict(zip("0123456789", (178, 182, 177, 183, 181, 182, 181, 179, 174, 180), strict=True)),
    origin="scikit-learn (sklearn.datasets.load_digits)",
    licence="CC BY 4.0. E. Alpaydin and C. Kaynak: Optical Recognition of Handwritten Digits, UCI Machine Learning "
    "Repository, 1998, doi:10.24432/C50P49; its test set, as it comes with scikit-learn.",
    homepage="https://archive.ics.uci.edu/dataset/80/optical+recognition+of+handwritten+digits",
)

TEXTURES = DatasetInfo(
    id="sample/textures",
    name="Surface textures",
    source="sample",
    description="192 grey patches of 64 by 64 pixels cut from one photo each of a brick wall, a lawn and gravel. "
    "Training, validation and test patches come from separate regions of each photo and share no pixel.",
    class_names=("brick", "grass", "gravel"),
    counts={"brick": 64, "grass": 64, "gravel": 64},
    parts={"train": 120, "validation": 24, "test": 48},
    origin="scikit-image (skimage.data.brick, grass and gravel)",
    licence="CC0 1.0: the photos were given to the public domain. Brick and gravel by CC0Textures (Bricks25, "
    "Gravel04), grass by linolafett on DeviantArt (Grass 01), cropped and turned grey for scikit-image.",
    homepage="https://scikit-image.org/docs/stable/api/skimage.data.html",
)

SAMPLES: tuple[DatasetInfo, ...] = (DIGITS, TEXTURES)

# Columns of patches, of eight: the photo's left five, the next, the right two.
_TEXTURE_COLUMNS: tuple[tuple[Part, range], ...] = (
    ("train", range(5)),
    ("validation", range(5, 6)),
    ("test", range(6, 8)),
)


@dataclass(frozen=True)
class _SamplePicture:
    key: str
    class_name: str
    part: Part | None
    pixels: NDArray[np.uint8]


def prepare_sample(workspace: Workspace, dataset_id: str, reporter: Reporter | None = None) -> DatasetInfo:
    """Makes a sample's pictures in the workspace, unless they are there already.

    Args:
        workspace: Where to.
        dataset_id: `sample/digits` or `sample/textures`.
        reporter: Told how far it is.

    Raises:
        DatasetError: There is no such sample.
        WorkspaceError: The disk is full or can't be written.
        Stopped: Somebody asked to stop.
    """
    makers = {DIGITS.id: _digits, TEXTURES.id: _textures}
    known = {sample.id: sample for sample in SAMPLES}
    if dataset_id not in known:
        raise DatasetError("There is no such sample", value=dataset_id, options=known)
    folder = dataset_folder(workspace, dataset_id)
    if folder.exists():
        try:
            return StoredDataset.open(folder).info
        except DatasetError:
            remove_dataset(workspace, dataset_id)  # damaged, and nobody could delete it: it is made anew
    sample, told = known[dataset_id], reporter or Silence()
    total = sample.pictures or 0
    with DatasetWriter(workspace, dataset_id) as writer:
        for picture in makers[dataset_id]():
            if told.stop_requested():
                raise Stopped
            facts = PictureFacts(SIDE, SIDE, "PNG")
            writer.add(picture.key, picture.class_name, picture.part, _png(picture.pixels), facts)
            told.progress("Making the sample's pictures", len(writer), total)
        try:
            return writer.publish(sample.model_copy(update={"created": datetime.now(UTC)}))
        except ImportRefused:
            return read_info(folder)  # another process made the same sample at the same time


def _digits() -> Iterator[_SamplePicture]:
    # What `sklearn.datasets.load_digits` reads: 64 inks and the digit in a row. Loading scikit-learn for it would take
    # 75 MB, for the whole of the training that asked for the sample, and seconds.
    path = distribution("scikit-learn").locate_file("sklearn/datasets/data/digits.csv.gz")
    table = np.loadtxt(str(path), delimiter=",", dtype=np.float64)
    for number, (scan, label) in enumerate(zip(table[:, :-1].reshape(-1, 8, 8), table[:, -1].astype(int), strict=True)):
        # Ink is counted from 0 to 16. Dark on paper with a margin, as people write, it looks more like the photos that
        # the networks know: a linear head on EfficientNet-Lite0 tells 97.4% apart, 94.5% light on black to the edge.
        paper = np.pad(255 - np.rint(scan * (255 / 16)).astype(np.uint8), MARGIN, constant_values=255)
        pixels = np.asarray(Image.fromarray(paper).resize((SIDE, SIDE), Image.Resampling.BICUBIC))
        yield _SamplePicture(f"{label}/{number:04d}.png", str(label), None, pixels)


def _textures() -> Iterator[_SamplePicture]:
    from skimage import data

    for name in TEXTURES.class_names:
        photo: NDArray[np.uint8] = getattr(data, name)()
        for part, columns in _TEXTURE_COLUMNS:
            for row in range(photo.shape[0] // SIDE):
                for column in columns:
                    patch = photo[row * SIDE : (row + 1) * SIDE, column * SIDE : (column + 1) * SIDE]
                    yield _SamplePicture(f"{part}/{name}/{row}-{column}.png", name, part, patch)


def _png(pixels: NDArray[np.uint8]) -> bytes:
    file = BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()
