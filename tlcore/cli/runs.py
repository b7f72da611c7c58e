"""`runs`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tlcore.cli.follow import follow_run
from tlcore.cli.output import ListByDefault, answers, table
from tlcore.cli.train import describe_report
from tlcore.errors import RunError
from tlcore.files import read_json
from tlcore.jobs.service import delete_run, request_stop, resume, submit
from tlcore.runs.folder import RunFolder
from tlcore.runs.record import JobRecord
from tlcore.runs.registry import Registry
from tlcore.runs.view import RunView
from tlcore.workspace import Workspace

_COLUMNS = ("run_id", "state", "title", "created", "validation_accuracy", "test_accuracy")


@click.group(cls=ListByDefault)
def runs() -> None:
    """List, show, stop, resume, delete and bring back trainings."""


@runs.command("list")
@click.pass_obj
@answers(lambda rows: table(rows, _COLUMNS))
def list_command(workspace: Workspace) -> list[dict[str, Any]]:
    """All trainings, newest first."""
    return [_row(workspace, record) for record in Registry(workspace).list("train")]


def _row(workspace: Workspace, record: JobRecord) -> dict[str, Any]:
    report = _report(workspace, record.id)
    return {
        "run_id": record.id,
        "state": record.state.value,
        "title": record.title,
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
    record = find_training(workspace, run_id)
    view = RunView.open(workspace, run_id)
    progress = {
        "run_id": record.id,
        "state": record.state.value,
        "phase": view.phase,
        "epoch": view.epoch,
        "epochs": view.epochs,
        "pid": record.pid,
        "created": record.created.isoformat(),
        "started": record.started.isoformat() if record.started else None,
        "ended": record.ended.isoformat() if record.ended else None,
        "error": record.error,
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
    """Start an interrupted or failed training again."""
    record = resume(workspace, run_id)
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


@runs.command("restore")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--name", default="Brought back", show_default=True, help="What to call it.")
@click.pass_obj
@answers(lambda data: f"Run {data['run_id']} is back.")
def restore_command(workspace: Workspace, path: Path, name: str) -> dict[str, Any]:
    """Bring back a model from the zip that `export` or the Results page wrote."""
    payload = {"path": str(path.expanduser().absolute()), "name": name}
    return follow_run(workspace, submit(workspace, "restore", payload, f"Bring back {path.name}"))
