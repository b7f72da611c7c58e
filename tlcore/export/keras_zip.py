"""The download: a zip with the Keras model, its labels, its report and a short how-to."""

from __future__ import annotations

import json
import logging
import os
import zipfile
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from tlcore.errors import BundleError, InputError
from tlcore.evaluation.report import Report
from tlcore.serving.bundle import DESCRIPTION, BundleInfo, read_info

MODEL = "model.keras"
LABELS = "labels.json"
REPORT = "report.json"
HOW_TO = "README.txt"

_log = logging.getLogger(__name__)

_HOW_TO = """\
A model trained with Transfer Learning Studio
=============================================

model.keras   the network; its preprocessing is inside: it wants raw RGB pictures, 0 to 255
labels.json   the names of the classes, in the order of the answers
report.json   how it was trained and how good it was on pictures it never saw
bundle.json   size of the pictures, and the versions that made the model

Use it in the studio: Predict -> "Use a model that you downloaded", and give it this zip.

Use it in Python (pip install "tensorflow>=2.21" pillow):

    import json
    import keras
    import numpy as np
    from PIL import Image, ImageOps

    model = keras.models.load_model("model.keras")
    with open("labels.json", encoding="utf-8") as file:
        labels = json.load(file)
    picture = ImageOps.exif_transpose(Image.open("picture.jpg")).convert("RGB")
    picture = picture.resize(({size}, {size}), Image.Resampling.BILINEAR)
    answer = model.predict(np.asarray(picture, dtype="float32")[None])[0]
{reading}
"""

_SOFTMAX = "    print(labels[int(answer.argmax())], float(answer.max()))"
_SIGMOID = "    print(labels[1], float(answer[0]), labels[0], 1 - float(answer[0]))"


def write_keras_zip(run_folder: Path, target: Path) -> Path:
    """Writes the download of a finished run; `target` appears only when it is whole.

    Args:
        run_folder: The run's folder.
        target: The zip file to write.

    Returns:
        `target`.

    Raises:
        BundleError: The run has no model.
        InputError: `target` can't be written.
    """
    info = read_info(run_folder / "bundle")
    model = run_folder / MODEL
    if not model.is_file():
        raise BundleError("This run's Keras model is missing", value=run_folder.name, hint="Train it again.")
    temporary = target.with_name(f".{uuid4().hex}.zip")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
            archive.write(model, MODEL)
            archive.writestr(LABELS, json.dumps(info.class_names, ensure_ascii=False, indent=2) + "\n")
            archive.write(run_folder / "bundle" / DESCRIPTION, DESCRIPTION)
            archive.writestr(HOW_TO, _how_to(run_folder, info))
            if (report := _report_text(run_folder / REPORT)) is not None:
                archive.writestr(REPORT, report)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(target)
    except OSError as error:
        with suppress(OSError):  # where the folder could not be made there is nothing to remove
            temporary.unlink()
        raise InputError(
            f"The download can't be written: {error.strerror}",
            value=target.parent,
            hint="Choose a folder that you may write to, on a disk with room.",
        ) from error
    return target


def _report_text(path: Path) -> str | None:
    """The report as it leaves the workspace; None where there is none, or it is damaged: the model needs none."""
    if not path.is_file():
        return None
    try:
        report = Report.model_validate_json(path.read_bytes())
    except ValueError:
        _log.warning("the report of %s is damaged; it is left out of the download", path.parent.name, exc_info=True)
        return None
    return report.without_places().model_dump_json(indent=2)


def _how_to(run_folder: Path, info: BundleInfo) -> str:
    config = json.loads((run_folder / "config.json").read_text(encoding="utf-8"))
    sigmoid = config.get("head", {}).get("activation") == "sigmoid"
    return _HOW_TO.format(size=info.image_size, reading=_SIGMOID if sigmoid else _SOFTMAX)
