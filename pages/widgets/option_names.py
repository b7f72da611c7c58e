"""What people read for each option and each of its values: on the Model page, and in the settings of a finished run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

LABELS: Final[Mapping[str, str]] = {
    "dataset": "Pictures (dataset)",
    "test_dataset": "Test pictures",
    "backbone": "Pretrained model (backbone)",
    "width": "Width of the network",
    "mode": "How much learns (mode)",
    "from_run": "Go on from an earlier frozen run",
    "unfreeze": "Stages that learn",
    "fine_tune_at": "First layer that learns",
    "epochs": "Rounds (epochs)",
    "fine_tune_epochs": "Fine-tuning rounds",
    "steps_per_epoch": "Steps a round",
    "learning_rate": "Learning rate",
    "fine_tune_learning_rate": "Learning rate of fine-tuning",
    "optimizer.schedule": "Learning rate over time (schedule)",
    "optimizer.name": "Optimizer",
    "optimizer.momentum": "Momentum",
    "batch_size": "Pictures a step (batch size)",
    "split.train": "To learn from, %",
    "split.validation": "To choose by, % (validation)",
    "split.test": "To test with, %",
    "split.fraction": "Share of the pictures to use",
    "image_size": "Picture size in pixels",
    "class_weights": "Unequal classes",
    "augmentation.flip": "Mirror",
    "augmentation.rotation": "Turn, up to degrees",
    "augmentation.zoom": "Zoom, up to a share",
    "augmentation.contrast": "Contrast, up to a share",
    "augmentation.views": "Copies of each picture (views)",
    "head.dropout": "Dropout",
    "head.l2": "L2 penalty",
    "head.activation": "Output",
    "label_smoothing": "Label smoothing",
    "early_stopping.patience": "Stop early after rounds without improvement",
    "early_stopping.monitor": "Best by",
    "early_stopping.restore_best": "Keep the best round, not the last",
    "seed": "Seed of chance",
    "compute.engine": "What runs the locked part (engine)",
    "compute.precision": "Precision of the locked part",
}
"""Every option of `RunConfig` by its dotted name, in an order that makes sense to read."""

VALUES: Final[Mapping[str, Mapping[Any, str]]] = {
    "optimizer.schedule": {"constant": "Stays the same", "cosine": "Falls to zero in a cosine"},
    "optimizer.name": {"adam": "Adam", "sgd": "SGD with momentum", "rmsprop": "RMSprop"},
    "class_weights": {"none": "Every picture counts the same", "balanced": "Every class counts the same"},
    "augmentation.flip": {
        "none": "Never",
        "horizontal": "Left and right",
        "vertical": "Up and down",
        "both": "Both",
    },
    "head.activation": {
        "softmax": "One for each class (softmax)",
        "sigmoid": "One in all (sigmoid), two classes only",
    },
    "early_stopping.monitor": {
        "val_loss": "Lowest validation loss",
        "val_accuracy": "Highest validation accuracy",
    },
    "compute.engine": {
        "auto": "The faster one, found out here",
        "openvino": "OpenVINO",
        "tensorflow": "TensorFlow",
    },
    "compute.precision": {"float32": "Full (float32)", "bfloat16": "Half (bfloat16)"},
}
"""The options that have only a few values, and what people read for each."""

ENGINE_NAMES: Final = {name: VALUES["compute.engine"][name] for name in ("openvino", "tensorflow")}
