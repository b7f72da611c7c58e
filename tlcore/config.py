"""`RunConfig`: everything that describes one training run, as data.

No framework is imported here, so pages can build, check and store a configuration in milliseconds. What a configuration
needs to know of a backbone (smallest size, stages, widths) is checked in `tlcore.backbones.checks`.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tlcore.errors import ConfigError

SCHEMA_VERSION: Final = 1

Percent = Annotated[float, Field(ge=0, le=100)]
Rate = Annotated[float, Field(gt=0, le=10)]


class Mode(StrEnum):
    """How much of the network learns."""

    SCRATCH = "scratch"
    FROZEN = "frozen"
    FINE_TUNE = "finetune"


class PhaseName(StrEnum):
    """The part of a run that an epoch belongs to."""

    SCRATCH = "scratch"
    FROZEN = "frozen"
    FINE_TUNE = "fine_tune"


class _Part(BaseModel):
    """Immutable, refuses unknown fields: a misspelt option must not be ignored in silence."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class SplitConfig(_Part):
    """How pictures are divided. The percentages sum to 100; a part that the dataset brings itself is used as it is.

    Attributes:
        train, validation, test: Percentages. With a test set of its own, `test` is 0 (85/15/0, say).
        fraction: Share of the pictures to use at all, drawn by class: 0.2 is the little-data lesson.
    """

    train: Percent = 80
    validation: Percent = 10
    test: Percent = 10
    fraction: Annotated[float, Field(gt=0, le=1)] = 1.0


class HeadConfig(_Part):
    """The new last layers: global average pooling, dropout, dense.

    Attributes:
        activation: "softmax" has one output a class; "sigmoid" one output in all, for two classes.
        dropout: Share of the embedding's values that are dropped in training.
        l2: Weight of the L2 penalty on the dense layer's kernel.
    """

    activation: Literal["softmax", "sigmoid"] = "softmax"
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.2
    l2: Annotated[float, Field(ge=0, le=1)] = 0.0


class AugmentationConfig(_Part):
    """Random changes to training pictures; all off by default.

    Attributes:
        flip: Mirror pictures at random.
        rotation: Largest turn either way, in degrees.
        zoom: Largest zoom in or out, as a share of the picture.
        contrast: Largest change of contrast, as a share.
        views: Changed copies of each training picture that are made once and kept, one of them drawn in each epoch;
            0 changes the pictures anew in every epoch, which sends each through the whole network every time.
    """

    flip: Literal["none", "horizontal", "vertical", "both"] = "none"
    rotation: Annotated[float, Field(ge=0, le=180)] = 0.0
    zoom: Annotated[float, Field(ge=0, le=0.9)] = 0.0
    contrast: Annotated[float, Field(ge=0, le=0.9)] = 0.0
    views: Annotated[int, Field(ge=0, le=100)] = 0

    @property
    def active(self) -> bool:
        """Whether any change is made at all."""
        return self.flip != "none" or bool(self.rotation or self.zoom or self.contrast)


VIEWS: Final = 5
"""Changed copies of each picture that the presets keep: half the work of ten epochs on the fly."""

AUGMENTATION_PRESETS: dict[str, AugmentationConfig] = {
    "none": AugmentationConfig(),
    "light": AugmentationConfig(flip="horizontal", rotation=10, zoom=0.1, views=VIEWS),
    "strong": AugmentationConfig(flip="horizontal", rotation=36, zoom=0.2, contrast=0.2, views=VIEWS),
}


class OptimizerConfig(_Part):
    """How weights are moved.

    Attributes:
        name: Adam, stochastic gradient descent or RMSprop.
        momentum: Used by sgd only.
        schedule: "constant", or "cosine": from the learning rate down to zero over the phase.
    """

    name: Literal["adam", "sgd", "rmsprop"] = "adam"
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    schedule: Literal["constant", "cosine"] = "constant"


class EarlyStoppingConfig(_Part):
    """When to end a phase early, and which epoch's weights to keep.

    Attributes:
        monitor: The figure that is watched.
        patience: Epochs without improvement before the phase ends; None never ends it early.
        restore_best: Keep the weights of the best epoch by `monitor`, not of the last one.
    """

    monitor: Literal["val_loss", "val_accuracy"] = "val_loss"
    patience: Annotated[int, Field(ge=1, le=1000)] | None = None
    restore_best: bool = True


class ComputeConfig(_Part):
    """What runs the frozen part of the network.

    Attributes:
        engine: "auto" takes whichever won a short race on this machine, TensorFlow where there is a GPU.
        precision: "bfloat16" is about twice as fast on processors that have it, and changes features by some percent.
    """

    engine: Literal["auto", "openvino", "tensorflow"] = "auto"
    precision: Literal["float32", "bfloat16"] = "float32"


class RunConfig(_Part):
    """One training run.

    Attributes:
        dataset: The dataset's id, such as `sample/digits` or `my/leaves`.
        test_dataset: Id of a separate test set with the same classes, or None.
        backbone: The backbone's id, such as `efficientnet-lite0`.
        width: Width multiplier, for the backbones that have one; None is the backbone's default.
        image_size: Side of the square pictures, in pixels; None is the backbone's default.
        mode: Scratch, frozen or fine-tune.
        from_run: Id of an earlier run on whose trained head fine-tuning starts; its head phase is then not repeated.
        unfreeze: Names of the backbone's stages that fine-tuning trains; empty with no `fine_tune_at` is the last two.
        fine_tune_at: Index of the first backbone layer that fine-tuning trains; instead of `unfreeze`.
        epochs: Epochs of the scratch or frozen phase.
        fine_tune_epochs: Epochs of the fine-tune phase.
        learning_rate, fine_tune_learning_rate: Of the two phases.
        steps_per_epoch: Batches an epoch; None is all of them.
        label_smoothing: Share of the target probability that is spread over all classes.
        class_weights: "balanced" makes every class count the same, however few pictures it has.
        seed: Seed of the split, the initial head, the shuffling and the augmentation.
    """

    schema_version: Literal[1] = SCHEMA_VERSION
    dataset: Annotated[str, Field(min_length=1)]
    test_dataset: str | None = None
    backbone: str = "efficientnet-lite0"
    width: Annotated[float, Field(gt=0, le=2)] | None = None
    image_size: Annotated[int, Field(ge=16, le=2048)] | None = None
    mode: Mode = Mode.FROZEN
    from_run: str | None = None
    unfreeze: tuple[str, ...] = ()
    fine_tune_at: Annotated[int, Field(ge=0)] | None = None
    epochs: Annotated[int, Field(ge=1, le=10_000)] = 10
    fine_tune_epochs: Annotated[int, Field(ge=1, le=10_000)] = 5
    learning_rate: Rate = 1e-3
    fine_tune_learning_rate: Rate = 1e-5
    steps_per_epoch: Annotated[int, Field(ge=1)] | None = None
    batch_size: Annotated[int, Field(ge=1, le=4096)] = 32
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    class_weights: Literal["none", "balanced"] = "none"
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 1
    split: SplitConfig = SplitConfig()
    head: HeadConfig = HeadConfig()
    augmentation: AugmentationConfig = AugmentationConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    early_stopping: EarlyStoppingConfig = EarlyStoppingConfig()
    compute: ComputeConfig = ComputeConfig()

    @classmethod
    def build(cls, **values: Any) -> RunConfig:
        """A checked configuration from plain values.

        Raises:
            ConfigError: A value is out of range, an option is unknown, or two options contradict each other.
        """
        return cls.from_json(values)

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> RunConfig:
        """A checked configuration from a JSON document, as `to_json` makes it.

        Raises:
            ConfigError: As for `build`; also when the document was written by a newer version.
        """
        version = document.get("schema_version", SCHEMA_VERSION)
        if version != SCHEMA_VERSION:
            raise ConfigError(
                "This configuration was written by another version",
                value=f"schema version {version}",
                options=[SCHEMA_VERSION],
                hint="Open it with the version that wrote it, or start the design anew.",
            )
        try:
            config = cls.model_validate(document)
        except ValidationError as error:
            raise _plain_error(error) from error
        for check in CHECKS:
            check(config)
        return config

    def to_json(self) -> dict[str, Any]:
        """The configuration as a JSON document."""
        return self.model_dump(mode="json")

    def replace(self, **changes: Any) -> RunConfig:
        """A checked copy with some values changed.

        Raises:
            ConfigError: As for `build`.
        """
        return self.from_json(self.to_json() | changes)


def _plain_error(error: ValidationError) -> ConfigError:
    """The first complaint of pydantic in the project's form: the option's name, the value, what is allowed."""
    first = error.errors(include_url=False)[0]
    name = ".".join(str(part) for part in first["loc"]) or "configuration"
    if first["type"] == "extra_forbidden":
        *parents, unknown = (str(part) for part in first["loc"])
        return ConfigError(
            f"There is no such option in '{'.'.join(parents)}'" if parents else "There is no such option",
            value=unknown,
            options=_fields_of(parents),
        )
    return ConfigError(
        f"The option '{name}' can't have this value",
        value=first["input"],
        hint=f"{first['msg']}.",
    )


def _fields_of(path: list[str]) -> tuple[str, ...]:
    """Names of the options in the part of a configuration at `path`."""
    part: type[BaseModel] = RunConfig
    for name in path:
        annotation = part.model_fields[name].annotation
        part = annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else part
    return tuple(part.model_fields)


def check_split_sums_to_100(config: RunConfig) -> None:
    """The three percentages divide all pictures."""
    split = config.split
    total = split.train + split.validation + split.test
    if abs(total - 100) > 1e-6:
        raise ConfigError(
            "The percentages of the split must sum to 100",
            value=f"{split.train:g} + {split.validation:g} + {split.test:g} = {total:g}",
            hint="80, 10, 10 is a good start; 85, 15, 0 with a separate test folder.",
        )
    if split.train <= 0 or split.validation <= 0:
        raise ConfigError(
            "Training and validation both need pictures",
            value=f"{split.train:g} / {split.validation:g} / {split.test:g}",
            hint="Give training and validation more than 0 percent each.",
        )


def check_stages_or_layer(config: RunConfig) -> None:
    """Fine-tuning is cut either at named stages or at a layer index."""
    if config.unfreeze and config.fine_tune_at is not None:
        raise ConfigError(
            "Fine-tuning is told to start in two places",
            value=f"stages {', '.join(config.unfreeze)} and layer {config.fine_tune_at}",
            hint="Give the stages or the layer index, not both.",
        )


def check_fine_tune_options_have_a_reader(config: RunConfig) -> None:
    """Options of the fine-tune phase are refused where there is none, so that nothing typed is ignored."""
    if config.mode is Mode.FINE_TUNE:
        return
    given = {"from_run": config.from_run, "unfreeze": config.unfreeze, "fine_tune_at": config.fine_tune_at}
    for name, value in given.items():
        if value not in (None, ()):
            raise ConfigError(
                f"The option '{name}' only means something when fine-tuning",
                value=f"{name}={value} with mode {config.mode.value}",
                hint="Choose mode finetune, or leave the option out.",
            )


def check_views_have_a_use(config: RunConfig) -> None:
    """Kept copies need a change to make, and a frozen part that sees them only once."""
    if not config.augmentation.views:
        return
    if not config.augmentation.active:
        raise ConfigError(
            "Changed copies of the pictures are asked for, but no change",
            value=f"{config.augmentation.views} views",
            hint="Choose a flip, a rotation, a zoom or a contrast, or set the views to 0.",
        )
    if config.mode is Mode.SCRATCH:
        raise ConfigError(
            "From scratch every picture goes through the whole network in every epoch, so kept copies save nothing",
            value=f"{config.augmentation.views} views with mode scratch",
            hint="Set the views to 0: the pictures are then changed anew in every epoch.",
        )


def check_compute_has_a_reader(config: RunConfig) -> None:
    """From scratch nothing is frozen, and bfloat16 is OpenVINO's here."""
    compute = config.compute
    if config.mode is Mode.SCRATCH and compute != ComputeConfig():
        raise ConfigError(
            "Engine and precision are those of the locked part, and from scratch there is none",
            value=f"{compute.engine}, {compute.precision} with mode scratch",
            hint="Leave both out.",
        )
    if compute.precision == "bfloat16" and compute.engine == "tensorflow":
        raise ConfigError(
            "bfloat16 is offered by OpenVINO only",
            value="engine tensorflow with precision bfloat16",
            hint="Choose the engine openvino, or the precision float32.",
        )


CHECKS: tuple[Callable[[RunConfig], None], ...] = (
    check_split_sums_to_100,
    check_stages_or_layer,
    check_fine_tune_options_have_a_reader,
    check_views_have_a_use,
    check_compute_has_a_reader,
)
