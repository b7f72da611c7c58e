"""`predict`, `evaluate` and `export`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

from tlcore.cli.output import answers, table
from tlcore.export.keras_zip import write_keras_zip
from tlcore.images.guard import GuardedDecoder
from tlcore.jobs.predictions import predict_pictures
from tlcore.runs.folder import RunFolder
from tlcore.serving.bundle import read_info
from tlcore.serving.inputs import pictures_from
from tlcore.workspace import Workspace


@click.command()
@click.option("--run", "run_id", required=True, help="The finished run that answers.")
@click.option("--image-size", type=click.IntRange(16, 2048), help="Another side in pixels than it was trained with.")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.pass_obj
@answers(lambda rows: table(rows, ("file", "label", "confidence", "error")))
def predict(workspace: Workspace, run_id: str, image_size: int | None, paths: tuple[Path, ...]) -> list[dict[str, Any]]:
    """Predict pictures: files, folders or zips."""
    with GuardedDecoder(workspace.limits) as decoder:
        pictures = pictures_from(paths, workspace.limits)
        return [item.to_json() for item in predict_pictures(workspace, run_id, decoder, pictures, image_size)]


def _describe_judgement(data: dict[str, Any]) -> str:
    test = data["test"]
    low, high = test["accuracy_ci95"]
    rows = [{"class": name} | scores for name, scores in data["per_class"].items()]
    return (
        f"{test['accuracy']:.1%} of {test['count']} pictures right (95% interval {low:.1%} to {high:.1%}).\n"
        + table(rows, ("class", "precision", "recall", "f1", "count"))
    )


@click.command()
@click.option("--run", "run_id", required=True, help="The finished run that answers.")
@click.option("--path", required=True, type=click.Path(path_type=Path), help="A folder of class folders.")
@click.pass_obj
@answers(_describe_judgement)
def evaluate(workspace: Workspace, run_id: str, path: Path) -> dict[str, Any]:
    """How good a run is on a folder of pictures sorted into class folders."""
    from tlcore.serving.judge import judge, labelled_pictures  # scikit-learn: a second that other commands don't need

    class_names = read_info(RunFolder.find(workspace, run_id).bundle).class_names
    pictures = labelled_pictures(path, class_names)
    with GuardedDecoder(workspace.limits) as decoder:
        predict_all = partial(predict_pictures, workspace, run_id, decoder)
        return {"run_id": run_id} | judge(pictures, class_names, predict_all, workspace.limits)


@click.command()
@click.option("--run", "run_id", required=True, help="The finished run.")
@click.option("--format", "form", type=click.Choice(["keras"]), default="keras", show_default=True)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The folder to write to.")
@click.pass_obj
@answers(lambda data: f"Wrote {data['file']}.")
def export(workspace: Workspace, run_id: str, form: str, out: Path) -> dict[str, Any]:
    """Write a run's model to a file that works elsewhere."""
    folder = RunFolder.find(workspace, run_id)
    path = write_keras_zip(folder.path, out.expanduser() / f"{run_id}-{form}.zip")
    return {"run_id": run_id, "format": form, "file": str(path)}
