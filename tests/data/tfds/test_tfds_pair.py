from __future__ import annotations

from typing import Any

import pytest

from tlcore.data.tfds.pair import Pair, labelled_pair

_CORE = "tensorflow_datasets.core.features"


def image(dtype: str = "uint8", dimensions: int = 3) -> dict[str, Any]:
    body = {"dtype": dtype, "shape": {"dimensions": ["-1"] * dimensions}}
    return {"pythonClassName": f"{_CORE}.image_feature.Image", "image": body}


def label(classes: int = 5) -> dict[str, Any]:
    return {"pythonClassName": f"{_CORE}.class_label_feature.ClassLabel", "classLabel": {"numClasses": str(classes)}}


def text() -> dict[str, Any]:
    return {"pythonClassName": f"{_CORE}.text_feature.Text", "text": {}}


def document(**features: Any) -> dict[str, Any]:
    return {"pythonClassName": f"{_CORE}.features_dict.FeaturesDict", "featuresDict": {"features": features}}


def test_what_the_dataset_names_is_taken() -> None:
    found = document(image=image(), mask=image(), breed=label(37), species=label(2))
    assert labelled_pair(found, ["image", "breed"]) == Pair("image", "breed", 37)
    assert labelled_pair(found, ["image", "species", "weight"]) == Pair("image", "species", 2)
    assert labelled_pair(found, None) is None  # two pictures


@pytest.mark.parametrize(
    "supervised",
    [["breed", "image"], ["image", "text"], ["image", "gone"], ["image"], [None, None], [{"a": "image"}, "breed"]],
)
def test_other_pairs_are_not_pictures_with_a_class(supervised: list[Any]) -> None:
    assert labelled_pair(document(image=image(), breed=label(), text=text()), supervised) is None


def test_without_names_there_must_be_no_choice() -> None:
    assert labelled_pair(document(photo=image("uint16"), kind=label(), text=text()), None) == Pair("photo", "kind", 5)
    assert labelled_pair(document(photo=image(), label=label(), noisy=label()), None) == Pair("photo", "label", 5)
    assert labelled_pair(document(photo=image(), one=label(), other=label()), None) is None
    assert labelled_pair(document(photo=image()), None) is None


@pytest.mark.parametrize("picture", [image("float32"), image(dimensions=4), text(), "Image", {}])
def test_depth_maps_films_and_whatever_else_are_no_pictures(picture: Any) -> None:
    assert labelled_pair(document(image=picture, label=label()), ["image", "label"]) is None


def test_one_class_is_nothing_to_tell_apart() -> None:
    assert labelled_pair(document(image=image(), label=label(1)), None) is None


def test_features_as_earlier_versions_wrote_them() -> None:
    old = {
        "type": f"{_CORE}.features_dict.FeaturesDict",
        "content": {
            "image": {
                "type": f"{_CORE}.image_feature.Image",
                "content": {"shape": [None, None, 3], "dtype": "tf.uint8", "encoding_format": "jpeg"},
            },
            "label": {"type": f"{_CORE}.class_label_feature.ClassLabel", "content": {"num_classes": 10}},
        },
    }
    assert labelled_pair(old, ["image", "label"]) == Pair("image", "label", 10)


@pytest.mark.parametrize("broken", [{}, {"content": "text"}, {"featuresDict": {"features": None}}])
def test_what_is_no_description_of_features_is_no_pair(broken: dict[str, Any]) -> None:
    assert labelled_pair(broken, None) is None
