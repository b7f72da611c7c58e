"""Which of a dataset's features are the picture and its class: one rule for the catalogue and for files on disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

_IMAGE: Final = "Image"
_CLASS: Final = "ClassLabel"
_LABEL: Final = "label"
_PIXELS: Final = ("uint8", "uint16")
_IMAGE_DIMENSIONS: Final = 3


@dataclass(frozen=True)
class Pair:
    """The two features that make a dataset one of pictures and classes.

    Attributes:
        image: Name of the feature that is the encoded picture.
        label: Name of the feature that is the number of its class.
        classes: Number of classes.
    """

    image: str
    label: str
    classes: int


def labelled_pair(document: Mapping[str, Any], supervised: Sequence[Any] | None) -> Pair | None:
    """The picture and the class that a dataset is about, or None where it is about something else.

    Args:
        document: The dataset's features as TensorFlow Datasets writes them to `features.json`, in any version since 4.
        supervised: The names of what to learn from and what to learn, where the dataset names them (some name whole
            structures, which are no pair; a third name is a weight). Without them it must have exactly one picture, and
            one class, or one that is called `label`.
    """
    features = _features(document)
    image, label = _named(supervised) if supervised is not None else _only_ones(features)
    if image not in features or label not in features:
        return None
    classes = _classes(features[label])
    if not _is_picture(features[image]) or classes < 2:
        return None
    return Pair(image, label, classes)


def _named(supervised: Sequence[Any]) -> tuple[str, str]:
    image, label = supervised[:2] if len(supervised) >= 2 else ("", "")
    return (image, label) if isinstance(image, str) and isinstance(label, str) else ("", "")


def _only_ones(features: Mapping[str, Any]) -> tuple[str, str]:
    images = [name for name, feature in features.items() if _kind(feature) == _IMAGE]
    labels = [name for name, feature in features.items() if _kind(feature) == _CLASS]
    label = labels[0] if len(labels) == 1 else _LABEL if _LABEL in labels else ""
    return images[0] if len(images) == 1 else "", label


def _features(document: Mapping[str, Any]) -> Mapping[str, Any]:
    inside = document.get("featuresDict") or document.get("content") or {}
    if not isinstance(inside, Mapping):
        return {}
    found = inside.get("features", inside)
    return found if isinstance(found, Mapping) else {}


def _kind(feature: Any) -> str:
    """`Image` of `tensorflow_datasets.core.features.image_feature.Image`; "" for what is no feature."""
    if not isinstance(feature, Mapping):
        return ""
    return str(feature.get("pythonClassName") or feature.get("type") or "").rpartition(".")[2]


def _is_picture(feature: Mapping[str, Any]) -> bool:
    """Whether it is one picture of whole-numbered pixels; others are depth maps, measurements or films."""
    if _kind(feature) != _IMAGE:
        return False
    body = feature.get("image") or feature.get("content") or {}
    shape = body.get("shape") or ()
    dimensions = shape.get("dimensions", ()) if isinstance(shape, Mapping) else shape
    return (
        str(body.get("dtype", _PIXELS[0])).rpartition(".")[2] in _PIXELS
        and len(dimensions or (None,) * _IMAGE_DIMENSIONS) == _IMAGE_DIMENSIONS
    )


def _classes(feature: Mapping[str, Any]) -> int:
    """Number of classes, 0 for what is no class."""
    if _kind(feature) != _CLASS:
        return 0
    body = feature.get("classLabel") or feature.get("content") or {}
    return int(body.get("numClasses") or body.get("num_classes") or 0)
