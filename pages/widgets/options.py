"""The options of a training: the few that matter in sight, the rest under "Advanced"."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages.widgets.computing import computing_options
from pages.widgets.fields import OptionFields, Step
from pages.widgets.varying import changes_by_hand, varying_preset, varying_way
from tlcore.config import Mode
from tlcore.data.dataset import DatasetInfo

_EPOCHS = Step(1)
_RATE = Step(1e-4, "%.7g")


def basic_options(fields: OptionFields, modes: Sequence[Mode]) -> None:
    """Epochs of the phases that the chosen modes have, and how the pictures are varied."""
    left, middle, right = st.columns([3, 3, 4])
    with left:
        fields.whole_number(
            "epochs",
            _EPOCHS,
            "How often the new last layer, or from scratch the whole network, sees every training picture. "
            "More when the curves are still rising at the end; fewer when validation gets worse while training gets "
            "better. The best round's model is kept, so too many only cost time.",
        )
    with middle:
        if Mode.FINE_TUNE in modes:
            fields.whole_number(
                "fine_tune_epochs",
                _EPOCHS,
                "How often the unlocked part sees every training picture, after the new last layer has learned. "
                "These rounds are slow; three to ten are usual.",
            )
        else:
            st.caption("Fine-tuning isn't chosen, so there are no rounds of it.")
    with right:
        varying_preset(fields)
    varying_way(fields, modes)


def advanced_options(
    fields: OptionFields, modes: Sequence[Mode], datasets: Sequence[DatasetInfo], classes: int
) -> None:
    """Everything else that `RunConfig` has, but for what belongs to one backbone."""
    learning, pictures, head, stopping, computing = st.tabs(
        ["Learning", "Pictures and split", "New last layer", "Stopping and chance", "Computing"]
    )
    with learning:
        _learning(fields, modes)
    with pictures:
        _pictures(fields, datasets)
    with head:
        _head(fields, classes)
    with stopping:
        _stopping(fields)
    with computing:
        computing_options(fields, modes)


def _learning(fields: OptionFields, modes: Sequence[Mode]) -> None:
    left, right = st.columns(2)
    with left:
        fields.number(
            "learning_rate",
            _RATE,
            "Size of each correction. Ten times smaller when the loss jumps about or becomes infinite; "
            "ten times larger when it hardly falls.",
        )
        if Mode.FINE_TUNE in modes:
            fields.number(
                "fine_tune_learning_rate",
                Step(1e-6, "%.8g"),
                "Keep it low, a hundredth of the other: large corrections would destroy what the pretrained model "
                "knows.",
            )
        fields.choice(
            "optimizer.schedule",
            "Cosine makes ever smaller corrections towards the end of each phase: often a little better with many "
            "rounds.",
        )
    with right:
        fields.choice(
            "optimizer.name",
            "How corrections are computed. Adam works nearly everywhere. SGD needs a larger learning rate (0.01) and "
            "more rounds.",
        )
        if fields.current("optimizer.name") == "sgd":
            fields.number(
                "optimizer.momentum",
                Step(0.05, "%.2f"),
                "How much of the last corrections is carried on. 0.9 is usual; 0 is plain gradient descent.",
            )
        fields.whole_number(
            "batch_size",
            Step(8),
            "How many pictures each correction is computed from. Smaller when memory runs out; larger is smoother and "
            "uses a GPU better.",
        )
        fields.whole_number(
            "steps_per_epoch",
            Step(10),
            "Ends each round after so many batches. Set it to look at the curves more often with very many pictures.",
            empty="all pictures",
        )


def _pictures(fields: OptionFields, datasets: Sequence[DatasetInfo]) -> None:
    fields.choice(
        "test_dataset",
        "A separate test set must have the same classes. Use one when test pictures come from elsewhere: another "
        "camera, another field, another year. That is the honest test of whether the model travels.",
        {None: "A share of this dataset"} | {info.id: f"All of {info.name} ({info.id})" for info in datasets},
    )
    external = fields.current("test_dataset") is not None
    left, middle, right = st.columns(3)
    share = Step(5.0, "%.4g")
    with left:
        fields.number("split.train", share, "Share of the pictures that the model learns from.")
    with middle:
        fields.number(
            "split.validation",
            share,
            "Share by which the best round and the best run are chosen. At least some ten pictures a class, better "
            "more.",
        )
    with right:
        fields.number(
            "split.test",
            share,
            "Share that is kept back until the end, for the figure on the Results page. "
            + ("With a separate test set: 0." if external else "A test of 100 pictures is sure to within 10 points."),
        )
    left, middle, right = st.columns(3)
    with left:
        fields.number(
            "split.fraction",
            Step(0.05, "%.2f"),
            "1 uses all. 0.2 uses a fifth of each class: faster, and it shows how little data transfer learning needs.",
        )
    with middle:
        fields.whole_number(
            "image_size",
            Step(16),
            "Pictures are resized to this square. Larger shows small details and takes time with the square of the "
            "size; much smaller than what the model was trained with costs accuracy.",
            empty="as the model was trained",
        )
    with right:
        fields.choice(
            "class_weights",
            "Balance when one class has many more pictures than another and the small one matters as much.",
        )
    changes_by_hand(fields)


def _head(fields: OptionFields, classes: int) -> None:
    left, right = st.columns(2)
    with left:
        fields.number(
            "head.dropout",
            Step(0.05, "%.2f"),
            "Share of the features that are left out at random while learning. Up to 0.5 when training is much better "
            "than validation; 0 when both are poor.",
        )
        fields.number(
            "head.l2",
            Step(0.0001, "%.6g"),
            "Keeps the weights of the last layer small. Try 0.001 when training is much better than validation.",
        )
    with right:
        fields.number(
            "label_smoothing",
            Step(0.05, "%.2f"),
            "Tells the model not to be entirely sure. 0.1 helps when some labels are wrong; probabilities then stay "
            "below 100%.",
        )
        fields.choice(
            "head.activation",
            "The answers are the same; sigmoid is what some courses use for two classes."
            + ("" if classes == 2 else f" This dataset has {classes} classes, so it needs softmax."),
        )


def _stopping(fields: OptionFields) -> None:
    left, right = st.columns(2)
    with left:
        fields.whole_number(
            "early_stopping.patience",
            Step(1),
            "Saves time with many rounds: 3 to 10 are usual. Blank never stops early.",
            empty="never",
        )
        fields.choice(
            "early_stopping.monitor",
            "By which figure the best round is chosen. Loss also counts how sure the model is and jumps less.",
        )
    with right:
        fields.switch(
            "early_stopping.restore_best",
            "Leave it on unless you want to see what training too long does.",
        )
        fields.whole_number(
            "seed",
            Step(1),
            "The same seed divides the pictures the same way and starts from the same weights. Change it to see how "
            "much is luck.",
        )
