"""The bundle: what a finished run leaves to predict with, without TensorFlow.

`bundle/bundle.json` describes it; `bundle/model.xml` and `.bin` are the OpenVINO network, absent where OpenVINO could
not convert the model: prediction then goes through a worker with Keras.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from tlcore.errors import BundleError, NoBundle
from tlcore.files import read_json, write_text
from tlcore.migrations.schema import refuse_newer_schema

DESCRIPTION = "bundle.json"
NETWORK = "model.xml"

PROBABILITIES = "probabilities"
EMBEDDING = "embedding"
FEATURE_MAP = "feature_map"


class BundleInfo(BaseModel):
    """What is needed to predict.

    Attributes:
        engine: "openvino", or "keras" where there is no converted network.
        class_names: In the order of the probabilities.
        image_size: Side of the pictures in pixels; they go in as raw RGB, stretched to the square.
        preprocessing: What the network itself does to raw RGB first, for information.
        versions: Of the packages that made it.
    """

    model_config = ConfigDict(frozen=True)

    schema_version: Literal[1] = 1
    run_id: str
    engine: Literal["openvino", "keras"]
    class_names: tuple[str, ...]
    image_size: int
    backbone: str
    preprocessing: str
    versions: dict[str, str]


def write_info(folder: Path, info: BundleInfo) -> None:
    """Writes the description; do it last, because a bundle without one does not exist."""
    write_text(folder / DESCRIPTION, info.model_dump_json(indent=2) + "\n")


def read_info(folder: Path) -> BundleInfo:
    """The description of the bundle in `folder`.

    Raises:
        NoBundle: There is none.
        BundleError: It can't be read, or a newer program wrote it.
    """
    try:
        document = read_json(folder / DESCRIPTION)
        refuse_newer_schema(document, 1, "This run's model", BundleError)
        return BundleInfo.model_validate(document)
    except FileNotFoundError as error:
        raise NoBundle(
            "This run has no model to predict with",
            value=folder.parent.name,
            hint="Choose a run that has finished, or train one.",
        ) from error
    except (OSError, ValueError, ValidationError) as error:
        raise BundleError(
            "This run's model can't be read", value=folder.parent.name, hint="Train it again, or bring back a download."
        ) from error
