"""`train` and `quickstart`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tlcore.cli.dry_run import describe_forecast, foretell
from tlcore.cli.follow import StderrReporter, follow_run
from tlcore.cli.output import answers
from tlcore.config import AUGMENTATION_PRESETS, VIEWS, AugmentationConfig, Mode, RunConfig
from tlcore.data.catalog import find_dataset
from tlcore.data.importer import find_or_import
from tlcore.errors import ConfigError, DatasetError, InputError
from tlcore.images.guard import GuardedDecoder
from tlcore.jobs.predictions import predict_pictures
from tlcore.jobs.preflight import preflight
from tlcore.jobs.quickstart import held_out_picture, quickstart_config
from tlcore.jobs.service import submit
from tlcore.workspace import Workspace


def describe_report(report: dict[str, Any]) -> str:
    """A finished run, or what one would take, in a few lines."""
    if "forecast" in report:
        return describe_forecast(report)
    if "test" not in report:
        return f"Run {report['run_id']}: {report['state']}."
    test, baseline = report["test"], report["baseline"]
    low, high = test["accuracy_ci95"]
    lines = [
        f"Run {report['run_id']}: {report['state']} in {report['seconds']['total']:.0f} s.",
        f"{test['accuracy']:.1%} of {test['count']} test pictures right "
        f"(95% interval {low:.1%} to {high:.1%}; before training {baseline['accuracy']:.1%}).",
        f"Model: {report['artifacts']['model']}",
    ]
    if "prediction" in report:
        prediction = report["prediction"]
        lines.append(
            f"A picture it never saw: a {prediction['class']}, called {prediction['label']} "
            f"with {prediction['confidence']:.0%} confidence."
        )
    return "\n".join(lines)


@click.command()
@click.pass_obj
@answers(describe_report)
def quickstart(workspace: Workspace) -> dict[str, Any]:
    """Train the default backbone on a bundled sample and predict one picture that it never saw. Needs no network."""
    config = preflight(workspace, quickstart_config()).config
    run_id = submit(workspace, "train", config.to_json(), "Quickstart", config.dataset)
    report = follow_run(workspace, run_id)
    if "test" not in report:
        return report  # stopped before there was anything to keep
    picture = held_out_picture(workspace, run_id)
    with GuardedDecoder(workspace.limits) as decoder:
        (prediction,) = predict_pictures(workspace, run_id, decoder, [(picture.key, lambda: picture.data)])
    return report | {"prediction": prediction.to_json() | {"class": picture.class_name}}


def _percentages(_context: click.Context, _option: click.Parameter, value: str | None) -> tuple[float, ...] | None:
    if value is None:
        return None
    try:
        parts = tuple(float(part) for part in value.split(","))
    except ValueError as error:
        raise click.BadParameter(f"{value!r} is not percentages separated by commas, like 80,10,10.") from error
    if len(parts) not in (2, 3):
        raise click.BadParameter(f"{value!r}: give train,validation,test, or train,validation beside a test set.")
    return parts


@click.command()
@click.option("--dataset", required=True, help="A dataset's id, or a path (./x or absolute) to a folder or zip.")
@click.option("--test-path", type=click.Path(path_type=Path), help="A separate folder of test pictures.")
@click.option("--test-dataset", help="Id of a separate test set.")
@click.option("--backbone", default="efficientnet-lite0", show_default=True, help="The pretrained network's id.")
@click.option("--mode", type=click.Choice(["scratch", "frozen", "finetune"]), default="frozen", show_default=True)
@click.option("--from-run", help="Fine-tune on top of this frozen run.")
@click.option("--epochs", type=int, help="Epochs of the scratch or frozen phase.")
@click.option("--fine-tune-epochs", type=int, help="Epochs of the fine-tune phase.")
@click.option("--fine-tune-at", type=int, metavar="LAYER", help="Fine-tune from this layer index on.")
@click.option("--unfreeze", metavar="STAGES", help="Stages to fine-tune, separated by commas.")
@click.option("--image-size", type=int, help="Side of the pictures in pixels.")
@click.option("--width", type=float, help="Width multiplier.")
@click.option("--batch-size", type=int)
@click.option("--optimizer", type=click.Choice(["adam", "sgd", "rmsprop"]))
@click.option("--momentum", type=float, help="Of sgd.")
@click.option("--learning-rate", type=float, help="Of the scratch or frozen phase.")
@click.option("--fine-tune-learning-rate", type=float)
@click.option("--schedule", type=click.Choice(["constant", "cosine"]))
@click.option("--dropout", type=float)
@click.option("--l2", type=float, help="Weight of the L2 penalty on the head.")
@click.option("--activation", type=click.Choice(["softmax", "sigmoid"]), help="sigmoid: one output, for two classes.")
@click.option("--label-smoothing", type=float)
@click.option("--class-weights", type=click.Choice(["none", "balanced"]))
@click.option("--augment", type=click.Choice(sorted(AUGMENTATION_PRESETS)), help="A preset; the next five refine it.")
@click.option(
    "--augment-views",
    type=int,
    metavar="N",
    help=f"Changed copies of each picture, made once and kept (presets: {VIEWS}); 0: anew in every epoch, far slower.",
)
@click.option("--flip", type=click.Choice(["none", "horizontal", "vertical", "both"]))
@click.option("--rotation", type=float, help="Degrees either way.")
@click.option("--zoom", type=float, help="Share of the picture.")
@click.option("--contrast", type=float, help="Share.")
@click.option("--fraction", type=float, help="Share of the pictures to use, 0.2 say.")
@click.option("--split", callback=_percentages, metavar="80,10,10", help="Percentages of train,validation,test.")
@click.option("--early-stopping", type=int, metavar="N", help="Epochs without improvement before a phase ends.")
@click.option("--monitor", type=click.Choice(["val_loss", "val_accuracy"]), help="What decides the best epoch.")
@click.option("--keep-last", is_flag=True, help="Keep the last epoch's weights, not the best one's.")
@click.option("--steps-per-epoch", type=int)
@click.option("--seed", type=int)
@click.option("--engine", type=click.Choice(["auto", "openvino", "tensorflow"]), help="What runs the frozen part.")
@click.option(
    "--precision",
    type=click.Choice(["float32", "bfloat16"]),
    help="bfloat16: about twice as fast where the processor has it, and less exact.",
)
@click.option("--detach", is_flag=True, help="Return at once; the training goes on.")
@click.option("--dry-run", is_flag=True, help="Tell what it would take, time, memory and disk; train nothing.")
@click.pass_obj
@answers(describe_report)
def train(workspace: Workspace, **options: Any) -> dict[str, Any]:
    """Train a model in the background and follow it; Ctrl-C stops it and keeps the best model so far."""
    detach, dry_run = options.pop("detach"), options.pop("dry_run")
    dataset = resolve_dataset(workspace, options.pop("dataset"))
    test_dataset = resolve_test_dataset(workspace, options.pop("test_path"), options.pop("test_dataset"))
    if dry_run:
        return foretell(workspace, build_config(dataset, test_dataset, options))
    config = preflight(workspace, build_config(dataset, test_dataset, options)).config
    title = f"{config.backbone}, {config.mode.value}, {dataset}"
    run_id = submit(workspace, "train", config.to_json(), title, dataset)
    if detach:
        return {"run_id": run_id, "state": "queued"}
    return follow_run(workspace, run_id)


def resolve_dataset(workspace: Workspace, text: str) -> str:
    """The id that `--dataset` means: an id, or a path that is imported on first use.

    Raises:
        DatasetError: There is no such dataset.
        ImportRefused: The path can't become a dataset.
    """
    path = Path(text).expanduser()
    if text.startswith((".", "/", "~")) or path.is_absolute():
        return find_or_import(workspace, path, StderrReporter()).id
    try:
        return find_dataset(workspace, text).id
    except InputError as error:
        if path.exists():
            raise DatasetError("This is no dataset's id", value=text, hint=f"For the path, write ./{text}") from error
        raise


def resolve_test_dataset(workspace: Workspace, path: Path | None, dataset: str | None) -> str | None:
    """The id of the separate test set, or None.

    Raises:
        ConfigError: Both a path and an id are given.
    """
    if path is not None and dataset is not None:
        raise ConfigError("There are two test sets", value=f"{path} and {dataset}", hint="Give one of them.")
    if path is not None:
        return find_or_import(workspace, path.expanduser().absolute(), StderrReporter()).id
    return None if dataset is None else find_dataset(workspace, dataset).id


_HEAD = ("activation", "dropout", "l2")
_OPTIMIZER = ("momentum", "schedule")
_AUGMENTATION = ("flip", "rotation", "zoom", "contrast")
_COMPUTE = ("engine", "precision")


def build_config(dataset: str, test_dataset: str | None, options: dict[str, Any]) -> RunConfig:
    """A checked configuration from the options of `train`; those that were not given keep their defaults.

    Raises:
        ConfigError: An option is out of range or contradicts another.
    """
    given = {name: value for name, value in options.items() if value is not None}

    def take(*names: str) -> dict[str, Any]:
        return {name: given.pop(name) for name in names if name in given}

    values: dict[str, Any] = {"dataset": dataset, "test_dataset": test_dataset}
    values["head"] = take(*_HEAD)
    values["optimizer"] = take(*_OPTIMIZER) | ({"name": given.pop("optimizer")} if "optimizer" in given else {})
    values["augmentation"] = _augmentation(
        given.pop("augment", "none"), take(*_AUGMENTATION), given.pop("augment_views", None), given.get("mode")
    )
    values["compute"] = take(*_COMPUTE)
    values["early_stopping"] = take("monitor") | {"restore_best": not given.pop("keep_last", False)}
    if "early_stopping" in given:
        values["early_stopping"]["patience"] = given.pop("early_stopping")
    values["split"] = _split(given.pop("split", None), test_dataset is not None) | take("fraction")
    if "unfreeze" in given:
        given["unfreeze"] = [stage.strip() for stage in given["unfreeze"].split(",") if stage.strip()]
    return RunConfig.build(**values, **given)


def _augmentation(preset: str, changes: dict[str, Any], views: int | None, mode: str | None) -> dict[str, Any]:
    """The preset with what was typed. Its kept copies, which nobody typed, go where they would have no use."""
    values = AUGMENTATION_PRESETS[preset].model_dump() | changes
    if views is not None:
        return values | {"views": views}
    still = AugmentationConfig().model_dump(exclude={"views"})
    changed = any(values[name] != value for name, value in still.items())
    return values if changed and mode != Mode.SCRATCH else values | {"views": 0}


def _split(parts: tuple[float, ...] | None, separate_test: bool) -> dict[str, float]:
    if parts is None:
        parts = (85, 15, 0) if separate_test else (80, 10, 10)
    train_share, validation, *test = parts
    return {"train": train_share, "validation": validation, "test": test[0] if test else 0}
