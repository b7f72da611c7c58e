"""The model: raw pictures -> preprocessing -> backbone -> average pooling -> dropout -> dense -> probabilities."""

from __future__ import annotations

from dataclasses import dataclass

import keras

from tlcore.backbones.build import build_backbone, preprocess
from tlcore.backbones.record import Backbone
from tlcore.config import HeadConfig, Mode, RunConfig

EMBEDDING = "embedding"
ANSWER = "answer"


@dataclass(frozen=True)
class Assembled:
    """A model and the parts of it that are handled apart. All share their layers, so training one trains all.

    Attributes:
        model: Raw RGB pictures 0..255, shape (n, size, size, 3), to the head's output: (n, classes); sigmoid (n, 1).
        backbone: The network inside it, without classifier.
        head: Embedding to the head's output.
    """

    model: keras.Model
    backbone: keras.Model
    head: keras.Model


def assemble(config: RunConfig, backbone: Backbone, classes: int, pretrained: bool = True) -> Assembled:
    """Builds the model that a configuration describes, with the backbone frozen unless it trains from scratch.

    Args:
        config: Complete: image size and width are set.
        backbone: The record that `config.backbone` names.
        classes: Number of classes.
        pretrained: Whether the backbone's published weights are loaded; never when training from scratch.

    Raises:
        WeightsUnavailable: The weights are not on this machine and can't be fetched.
    """
    if config.image_size is None:
        raise ValueError("assemble needs a complete configuration")
    scratch = config.mode is Mode.SCRATCH
    network = build_backbone(backbone, config.width, config.image_size, pretrained and not scratch)
    network.trainable = scratch
    pictures = keras.Input((config.image_size, config.image_size, 3), name="pictures")
    # BatchNorm of a pretrained network keeps its statistics, also while its stages are fine-tuned.
    feature_map = network(preprocess(backbone.preprocessing, pictures), training=None if scratch else False)
    embedding = keras.layers.GlobalAveragePooling2D(name=EMBEDDING)(feature_map)
    dropout, dense = _head_layers(config.head, classes)
    channels = keras.Input((embedding.shape[-1],), name="embedding_input")
    return Assembled(
        model=keras.Model(pictures, dense(dropout(embedding)), name="classifier"),
        backbone=network,
        head=keras.Model(channels, dense(dropout(channels)), name="head"),
    )


def _head_layers(head: HeadConfig, classes: int) -> tuple[keras.layers.Layer, keras.layers.Layer]:
    """Dropout and dense. The dense layer stays in float32, so that mixed precision does not round probabilities."""
    sigmoid = head.activation == "sigmoid"
    dense = keras.layers.Dense(
        1 if sigmoid else classes,
        activation=head.activation,
        kernel_regularizer=keras.regularizers.L2(head.l2) if head.l2 else None,
        dtype="float32",
        name=ANSWER,
    )
    return keras.layers.Dropout(head.dropout, name="dropout"), dense


def count(weights: list[keras.Variable]) -> int:
    """Number of scalars in `weights`."""
    return sum(int(keras.ops.size(weight)) for weight in weights)
