"""`runs`."""

from __future__ import annotations

from typing import Any

import click

from tlcore.cli.follow import follow_run
from tlcore.cli.output import ListByDefault, answers, table
from tlcore.cli.parcels import RUN_COMMANDS
from tlcore.cli.run_labels import COMMANDS, labels_of
from tlcore.cli.train import describe_report
from tlcore.errors import RunError
from tlcore.files import read_json
from tlcore.jobs.again import extend, resume
from tlcore.jobs.service import delete_run, keep_moving, request_stop
from tlcore.jobs.waiting import wait_of
from tlcore.runs.folder import RunFolder
from tlcore.runs.labels import matches
from tlcore.runs.record import JobRecord
from tlcore.runs.registry import Registry
from tlcore.runs.view import RunView
from tlcore.workspace import Workspace

_COLUMNS = ("run_id", "state", "title", "tags", "created", "validation_accuracy", "test_accuracy")


@click.group(cls=ListByDefault)
def runs() -> None:
    """List, show, stop, resume, extend, name, note, tag, pack, put away and delete trainings."""


for _command in (*COMMANDS, *RUN_COMMANDS):
    runs.add_command(_command)


@runs.command("list")
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="Only those with this tag; with several, with all.")
@click.option(
    "--search", default="", metavar="TEXT", help="Only those with these words in name, note, tags or dataset."
)
@click.option("--archived", is_flag=True, help="Those in the bin instead.")
@click.pass_obj
@answers(lambda rows: table(rows, _COLUMNS))
def list_command(workspace: Workspace, tags: tuple[str, ...], search: str, archived: bool) -> list[dict[str, Any]]:
    """All trainings that are not in the bin, newest first."""
    known = Registry(workspace).list("train", archived=archived)
    return [_row(workspace, record) for record in known if matches(record, search, tags)]


def _row(workspace: Workspace, record: JobRecord) -> dict[str, Any]:
    report = _report(workspace, record.id)
    return labels_of(record) | {
        "state": record.state.value,
        "dataset": record.dataset,
        "created": record.created.isoformat(),
        "validation_accuracy": report["validation"]["accuracy"] if report else None,
        "test_accuracy": report["test"]["accuracy"] if report else None,
    }


def _report(workspace: Workspace, run_id: str) -> dict[str, Any] | None:
    """The report's JSON, None where the run left none."""
    try:
        path = RunFolder.find(workspace, run_id).report
    except RunError:  # removed by hand: the list of the others must not fail for it
        return None
    return read_json(path) if path.is_file() else None


@runs.command("show")
@click.argument("run_id", metavar="ID")
@click.pass_obj
@answers(lambda data: describe_report(data) if "test" in data else "\n".join(f"{k}: {v}" for k, v in data.items()))
def show_command(workspace: Workspace, run_id: str) -> dict[str, Any]:
    """State and progress of one training; its report too, once it has ended."""
    keep_moving(workspace)
    record = find_training(workspace, run_id)
    view = RunView.open(workspace, run_id)
    wait = wait_of(workspace, run_id)
    progress = {
        "run_id": record.id,
        "state": record.state.value,
        "phase": view.phase,
        "epoch": view.epoch,
        "epochs": view.epochs,
        "pid": record.pid,
        "responding": view.responding,
        "created": record.created.isoformat(),
        "started": record.started.isoformat() if record.started else None,
        "ended": record.ended.isoformat() if record.ended else None,
        "error": record.error,
        "queue": wait.to_json() if wait else None,
    }
    report = _report(workspace, run_id) or {}
    return report | {name: value for name, value in progress.items() if name != "epochs" or name not in report}


def find_training(workspace: Workspace, run_id: str) -> JobRecord:
    """The registry's record of a training.

    Raises:
        RunError: There is none, or it is another kind of job.
    """
    record = Registry(workspace).get(run_id)
    if record.kind != "train":
        raise RunError("This is not a training", value=f"{run_id} ({record.kind})", hint="`runs list` shows trainings.")
    return record


@runs.command("stop")
@click.argument("run_id", metavar="ID")
@click.pass_obj
@answers(lambda data: f"Run {data['run_id']}: {data['state']}.")
def stop_command(workspace: Workspace, run_id: str) -> dict[str, Any]:
    """Stop a training at its next batch; the best model so far is kept."""
    return {"run_id": run_id, "state": request_stop(workspace, run_id).state.value}


@runs.command("resume")
@click.argument("run_id", metavar="ID")
@click.option("--detach", is_flag=True, help="Return at once; the training goes on.")
@click.pass_obj
@answers(describe_report)
def resume_command(workspace: Workspace, run_id: str, detach: bool) -> dict[str, Any]:
    """Let a training that was interrupted, stopped or failed go on from its last whole epoch."""
    record = resume(workspace, run_id)
    return {"run_id": run_id, "state": record.state.value} if detach else follow_run(workspace, run_id)


@runs.command("extend")
@click.argument("run_id", metavar="ID")
@click.option("--epochs", type=click.IntRange(min=1), required=True, help="How many more than it has had.")
@click.option("--detach", is_flag=True, help="Return at once; the training goes on.")
@click.pass_obj
@answers(describe_report)
def extend_command(workspace: Workspace, run_id: str, epochs: int, detach: bool) -> dict[str, Any]:
    """Train a completed or stopped training for more epochs of its last phase."""
    record = extend(workspace, run_id, epochs)
    return {"run_id": run_id, "state": record.state.value} if detach else follow_run(workspace, run_id)


@runs.command("delete")
@click.argument("run_id", metavar="ID")
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.pass_obj
@answers(lambda data: f"Run {data['deleted']} is gone.")
def delete_command(workspace: Workspace, run_id: str, yes: bool) -> dict[str, Any]:
    """Delete a training with its model and report."""
    record = find_training(workspace, run_id)
    if not yes:
        click.confirm(f"Delete {record.title} ({run_id}) with its model and report?", abort=True, err=True)
    delete_run(workspace, run_id)
    return {"deleted": run_id}
